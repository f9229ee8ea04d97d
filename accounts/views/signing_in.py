"""Signing in, and changing one's password."""

from django.contrib.auth import views as auth_views
from django.urls import reverse_lazy

from accounts.forms.signing_in import SignInForm


class SignIn(auth_views.LoginView):
    """Leads to `next` if it is one of our own pages; who is signed in already is led on at once."""

    template_name = "users/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class PasswordChange(auth_views.PasswordChangeView):
    template_name = "users/pass_change.html"
    success_url = reverse_lazy("pass_change_done")


class PasswordChangeDone(auth_views.PasswordChangeDoneView):
    template_name = "users/pass_change_done.html"
