"""Pages about people and how they see the site. The names and paths are the predecessor's."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts.views import shell, signing_in

urlpatterns = [
    path("user/login/", signing_in.SignIn.as_view(), name="login"),
    path("user/logout/", LogoutView.as_view(), name="logout"),
    path("user/pass_change/", signing_in.PasswordChange.as_view(), name="pass_change"),
    path("user/pass_change/done/", signing_in.PasswordChangeDone.as_view(), name="pass_change_done"),
    path("theme/", shell.theme, name="theme"),
    path("patterns/", shell.patterns, name="patterns"),
]
