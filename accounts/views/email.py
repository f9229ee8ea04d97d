"""Another e-mail address for oneself: asking for it, and the page behind the link that goes there."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import deeds, email_changes
from accounts.forms.profile import EmailForm
from accounts.models import EmailChange
from accounts.views.profile import done, kept_here_only, page_with_form, shown, to_section


@sensitive_post_parameters("password")
@login_required
@never_cache
@page_with_form
def mail_change(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return to_section("email")
    kept_here_only(request.user)
    form = EmailForm(request, request.POST)
    if form.is_valid() and not email_changes.may_ask(request.user):  # type: ignore[arg-type]
        form.add_error("email", _("You have asked for another address too often. Try again in an hour."))
    if not form.is_valid():
        return shown(request, form)
    email_changes.ask(request, form.cleaned_data["email"])
    told = _("Look into the mailbox of %(email)s: the link there makes it your address.")
    return done(request, "email", told % {"email": form.cleaned_data["email"]})


@login_required
@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    """The address that has yet to prove itself is forgotten."""
    email_changes.cancel(request)
    return done(request, "email", _("Your e-mail address stays as it is."))


@login_required
@never_cache
@page_with_form
def confirm(request: HttpRequest, key: str) -> HttpResponse:
    """A button that makes the new address count; for the one person who asked for it."""
    change = email_changes.find(key)
    if change is None:
        return render(request, "users/email_confirm.html", {"change": None}, status=404)
    _check_person(request, change)
    if request.method != "POST":
        return render(request, "users/email_confirm.html", {"change": change})
    if not email_changes.confirm(request, change):
        return render(request, "users/email_confirm.html", {"change": None}, status=409)
    messages.success(request, _("Your e-mail address is %(email)s now.") % {"email": change.email})
    return to_section("email")


def _check_person(request: HttpRequest, change: EmailChange) -> None:
    user: Any = request.user
    kept_here_only(user)
    if change.user_id != user.pk:
        deeds.tell(
            deeds.EMAIL_CHANGED, request, about=change.user, detail="The link of somebody else", is_authorized=False
        )
        raise PermissionDenied(_("This link is for somebody else."))
