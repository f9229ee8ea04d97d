"""Pages about people and how they see the site. The names and paths are the predecessor's."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views

urlpatterns = [
    path("user/login/", views.SignIn.as_view(), name="login"),
    path("user/logout/", LogoutView.as_view(), name="logout"),
    path("user/pass_change/", views.PasswordChange.as_view(), name="pass_change"),
    path("user/pass_change/done/", views.PasswordChangeDone.as_view(), name="pass_change_done"),
    path("theme/", views.theme, name="theme"),
    path("patterns/", views.patterns, name="patterns"),
]
