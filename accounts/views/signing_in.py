"""Signing in, staying signed in, and changing one's password."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import deeds, feed, outbox, profiles, registering, second_factor, sessions
from accounts.forms.profile import NewPasswordForm
from accounts.forms.signing_in import SignInForm
from accounts.redirects import own_page
from accounts.views import profile


class SignIn(auth_views.LoginView):
    """Leads to `next` if it is one of our own pages; who is signed in already is led on at once."""

    template_name = "users/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if second_factor.is_owed(self.request, user):
            return second_factor.ask_for_code(self.request, user, self.get_success_url())
        sessions.begin(self.request, user)
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if form.is_locked:
            response.status_code = 429
            response["Retry-After"] = str(form.seconds_to_wait)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(news=feed.latest(), can_register=registering.is_open(), **kwargs)


@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's sign-in page is ours: its locks and its second factor hold there too."""
    if not request.user.is_authenticated:
        return redirect_to_login(own_page(request, request.GET.get("next", ""), resolve_url("admin:index")))
    if not admin.site.has_permission(request):
        raise PermissionDenied(_("The site admin is for staff."))
    return redirect(own_page(request, request.GET.get("next", ""), resolve_url("admin:index")))


@never_cache
@require_safe
def session_state(request: HttpRequest) -> HttpResponse:
    """{"left": seconds}, for static/js/session.js. Asking prolongs nothing."""
    return JsonResponse({"left": sessions.seconds_left(request)})


@never_cache
@require_POST
def session_extend(request: HttpRequest) -> HttpResponse:
    """The button "Stay signed in": the session lasts as long as if it began now. Leads back, or tells scripts."""
    is_script = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    if request.user.is_authenticated:
        sessions.prolong(request)
    if is_script:
        return JsonResponse({"left": sessions.seconds_left(request)})
    return redirect(own_page(request, request.POST.get("next", ""), resolve_url("/")))


class PasswordChange(auth_views.PasswordChangeView):
    """A page of its own, and a section of the profile. Every other session ends: each knows the password it began with.

    So do browsers that were trusted with the second factor and links for a forgotten password.
    """

    template_name = "users/pass_change.html"
    success_url = reverse_lazy("pass_change_done")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if profiles.is_managed_elsewhere(request.user):
            return profile.to_section("password")
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        profile.kept_here_only(request.user)
        return super().post(request, *args, **kwargs)

    def get_form(self, form_class: Any = None) -> Any:
        return NewPasswordForm(self.request, self.request.POST if self.request.method == "POST" else None)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user: Any = form.user
        deeds.tell(deeds.PASSWORD_CHANGED, self.request, about=user)
        outbox.post("password_changed", user, {"name": user.username, "reset": profile.reset_page(self.request)})
        if self.request.htmx:  # type: ignore[attr-defined]
            return profile.done(self.request, "password", _("Your password is changed."))
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        if self.request.htmx:  # type: ignore[attr-defined]
            return profile.shown(self.request, form)
        return super().form_invalid(form)


class PasswordChangeDone(auth_views.PasswordChangeDoneView):
    template_name = "users/pass_change_done.html"
