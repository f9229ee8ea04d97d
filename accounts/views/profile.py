"""One's own profile: a page of sections, each a form of its own with an address of its own.

Without JavaScript a form leads back to the page, or comes back with it where something is wrong. With htmx the answer
is the section alone.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import deeds, email_changes, outbox, panels, preferences, profiles, second_factor, sessions, themes
from accounts.forms.profile import EmailForm, KeysForm, NameForm, NewPasswordForm, OtherForm, PreferencesForm

# The sections: each one's form, where it is sent, and what its template needs besides
FORMS: dict[str, type[Any]] = {
    "name": NameForm,
    "email": EmailForm,
    "password": NewPasswordForm,
    "other": OtherForm,
    "preferences": PreferencesForm,
    "keys": KeysForm,
}
ADDRESSES = {
    "name": "name-change",
    "email": "mail-change",
    "password": "pass_change",
    "other": "other-change",
    "preferences": "preferences",
    "keys": "user-keys",
}
FACTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "preferences": lambda user: {"plain": True},
    "email": lambda user: {"pending": email_changes.pending_of(user), "days": email_changes.DAYS},
    "keys": lambda user: {"plain": True, "keys": list(user.ssh_keys.all())},
}

page_with_form = require_http_methods(["GET", "HEAD", "POST"])


@login_required
@never_cache
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    return _page(request)


@login_required
@never_cache
@page_with_form
def name_change(request: HttpRequest) -> HttpResponse:
    return _saved_or_shown(request, NameForm)


@login_required
@never_cache
@page_with_form
def other_change(request: HttpRequest) -> HttpResponse:
    """Organisation and telephone."""
    return _saved_or_shown(request, OtherForm)


@login_required
@never_cache
@page_with_form
def change_preferences(request: HttpRequest) -> HttpResponse:
    """Language, time zone and theme: always the whole page, since all of it looks otherwise then."""
    if request.method != "POST":
        return to_section("preferences")
    form = PreferencesForm(request, request.POST)
    if not form.is_valid():
        return shown(request, form)
    chosen = form.cleaned_data
    theme = chosen["theme"] or "auto"
    preferences.keep(request.user, language=chosen["language"], time_zone=chosen["time_zone"], theme=theme)
    with translation.override(chosen["language"] or translation.get_language()):
        messages.success(request, _("That is how you see the site from now on."))
    response = to_section("preferences")
    themes.remember(response, theme, secure=request.is_secure())
    if not chosen["language"]:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)  # what was chosen in this browser before
    return response


@login_required
@require_POST
@transaction.atomic
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """Ends every other session of one's own, and mails it."""
    user: Any = request.user
    sessions.end_all_of(user, but=request)
    deeds.tell(deeds.SESSIONS_ENDED, request, about=user)
    outbox.post("sessions_ended", user, {"name": user.get_username(), "reset": reset_page(request)})
    messages.success(request, _("You are signed out everywhere else."))
    return to_section("sessions")


# ---- for all sections -------------------------------------------------------------------------------------


def shown(request: HttpRequest, form: Any) -> HttpResponse:
    """The section with this form: alone for htmx, else within the page."""
    if request.htmx:  # type: ignore[attr-defined]
        return _alone(request, form.section, form)
    return _page(request, form)


def done(request: HttpRequest, section: str, sentence: str) -> HttpResponse:
    """After a deed: says so and shows the section afresh."""
    messages.success(request, sentence)
    return _alone(request, section, None) if request.htmx else to_section(section)  # type: ignore[attr-defined]


def to_section(section: str) -> HttpResponse:
    return redirect(f"{reverse('profile')}#{section}")


def kept_here_only(user: Any) -> None:
    """PermissionDenied for people whose password and address a directory keeps."""
    if profiles.is_managed_elsewhere(user):
        raise PermissionDenied(_("Your password and e-mail address are not kept here, but in a directory."))


def reset_page(request: HttpRequest) -> str:
    return outbox.absolute(reverse("password_reset"), request)


def _saved_or_shown(request: HttpRequest, form_class: type[NameForm | OtherForm]) -> HttpResponse:
    if request.method != "POST":
        return to_section(form_class.section)
    form = form_class(request, request.POST)
    return done(request, form.section, form.save()) if form.is_valid() else shown(request, form)


def _page(request: HttpRequest, form: Any = None) -> HttpResponse:
    filled = form.section if form is not None else ""
    context = _shared(request) | {
        "sections": {name: _context(request, name, form if name == filled else None) for name in FORMS},
        "has_second_factor": second_factor.authenticator_of(request.user) is not None,
        "panels": panels.shown_own(request),
        "is_second_factor_required": second_factor.is_required_for(request.user),
    }
    return render(request, "users/profile.html", context)


def _alone(request: HttpRequest, section: str, form: Any) -> HttpResponse:
    context = _shared(request) | {"section": _context(request, section, form), "is_alone": True}
    return render(request, f"users/profile/_{section}.html", context)


def _context(request: HttpRequest, section: str, form: Any) -> dict[str, Any]:
    """What a section's template gets; without a form a fresh one."""
    facts = FACTS[section](request.user) if section in FACTS else {}
    return {"form": form if form is not None else FORMS[section](request), "url": reverse(ADDRESSES[section]), **facts}


def _shared(request: HttpRequest) -> dict[str, Any]:
    return {"is_elsewhere": profiles.is_managed_elsewhere(request.user), "where": profiles.where_managed()}
