"""The second factor: its state, switching it on and off, recovery codes, and the code while signing in."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import deeds, second_factor
from accounts.forms.second_factor import CodeForm, ProofForm, TurnOnForm

_OFFERED = "second_factor_offered"  # in the session: a secret that no app has proved to know yet


@login_required
@never_cache
@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """Whether it is on, since when, when it was used last and how many recovery codes are left."""
    user: Any = request.user
    context = {
        "authenticator": second_factor.authenticator_of(user),
        "codes_left": user.recovery_codes.count(),
        "is_required": second_factor.is_required_for(user),
    }
    return render(request, "users/second_factor.html", context)


@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def turn_on(request: HttpRequest) -> HttpResponse:
    """A secret as a picture and as text; it counts once a code shows that the app has it."""
    if second_factor.authenticator_of(request.user):
        return redirect("second-factor")
    secret = request.session.setdefault(_OFFERED, second_factor.new_secret())
    form = TurnOnForm(request, secret, _data(request))
    if form.is_valid() and form.step is not None:
        del request.session[_OFFERED]
        codes = second_factor.turn_on(request, secret, form.step)
        return _shown_once(request, codes) if codes else redirect("second-factor")
    address = second_factor.address_for_apps(request.user, secret)
    context = {
        "form": form,
        "picture": second_factor.picture_of(address),
        "address": address,
        "secret": second_factor.in_groups(secret, " "),
        "is_required": second_factor.is_required_for(request.user),
    }
    return render(request, "users/second_factor_on.html", context)


@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def turn_off(request: HttpRequest) -> HttpResponse:
    """Takes the password and a code."""
    if not second_factor.authenticator_of(request.user):
        return redirect("second-factor")
    form = ProofForm(request, _data(request))
    if form.is_valid():
        second_factor.turn_off(request, request.user)
        messages.success(request, _("The second factor is off."))
        return redirect("second-factor")
    context = {"form": form, "is_required": second_factor.is_required_for(request.user)}
    return render(request, "users/second_factor_off.html", context)


@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes instead of the old ones, for the password and a code."""
    if not second_factor.authenticator_of(request.user):
        return redirect("second-factor")
    form = ProofForm(request, _data(request))
    if form.is_valid():
        with transaction.atomic():
            codes = second_factor.new_recovery_codes(request.user)
            deeds.tell(deeds.RECOVERY_CODES_NEW, request, about=request.user)  # type: ignore[arg-type]
        return _shown_once(request, codes)
    return render(request, "users/second_factor_renew.html", {"form": form})


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in. Without the first, or too long after it, the first is shown."""
    pending = second_factor.pending_sign_in(request)
    if pending is None:
        if not request.user.is_authenticated:
            messages.info(request, _("Sign in with your password first; the code has to follow within a few minutes."))
        return redirect("login")
    form = CodeForm(request, pending.user, _data(request))
    if form.is_valid():
        second_factor.sign_in(request, pending)
        response = redirect(pending.next_page)
        if form.cleaned_data["trust"]:
            second_factor.trust(request, response, pending.user)
        return response
    if form.has_error("code", "wrong") and second_factor.is_one_too_many(request, pending):
        messages.error(request, _("Too many wrong codes. Start again with your password."))
        return redirect("login")
    context = {"form": form, "who": pending.user.get_username(), "trust_days": settings.SECOND_FACTOR_TRUST_DAYS}
    return render(request, "users/second_factor_code.html", context)


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _shown_once(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """No redirect: what must not be kept goes out with the answer or not at all."""
    context = {"codes": codes, "file": "\r\n".join([str(settings.BRANDING["TITLE"]), "", *codes, ""])}
    return render(request, "users/second_factor_codes.html", context)
