"""A forgotten password: asking for the link, and the page behind it."""

from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView

from accounts import resetting
from accounts.forms.signing_in import PasswordResetForm
from accounts.locks import counted_address
from accounts.throttling import AN_HOUR, times_this_hour


class PasswordReset(FormView):
    """Asks for the address. The answer is the same whether somebody has it here or nobody."""

    template_name = "users/password_reset.html"
    form_class = PasswordResetForm
    success_url = reverse_lazy("password_reset_done")

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        address, limit = counted_address(self.request), settings.PASSWORD_RESETS_PER_HOUR
        if limit and address and times_this_hour("ask-for-password-reset", address) > limit:
            form.add_error(None, _("Too many mails were asked for from where you are. Try again in an hour."))
            response = self.render_to_response(self.get_context_data(form=form), status=429)
            response["Retry-After"] = str(AN_HOUR)
            return response
        resetting.ask(form.cleaned_data["email"], self.request)
        return super().form_valid(form)


class PasswordResetDone(TemplateView):
    template_name = "users/password_reset_done.html"
    extra_context = {"hours": settings.PASSWORD_RESET_TIMEOUT // 3600}


class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    """The page behind the link, for the account that the link names, whoever is signed in.

    Django takes the token out of the address before the page comes, so that it reaches no log and no other site.
    """

    template_name = "users/password_reset_confirm.html"
    success_url = reverse_lazy("password_reset_complete")

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and resetting.may_reset(user) else None

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        resetting.finish(form.save(), self.request)
        self.request.session.pop(auth_views.INTERNAL_RESET_SESSION_TOKEN, None)
        return redirect(self.success_url)


class PasswordResetComplete(TemplateView):
    template_name = "users/password_reset_complete.html"
