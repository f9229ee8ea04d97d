"""Registering, proving one's address, deciding about those who did. Links in mails show a page, buttons do the deed."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import captcha, permissions, registering
from accounts.forms.registering import RefusalForm, RegistrationForm, ResendForm, taken_name
from accounts.redirects import own_page

TOO_MANY_REQUESTS = 429

page_with_form = require_http_methods(["GET", "HEAD", "POST"])


# ---- for who wants an account -----------------------------------------------------------------------------


@sensitive_post_parameters("password1", "password2")
@page_with_form
@never_cache
def register(request: HttpRequest) -> HttpResponse:
    """The form; leads to "look into your mailbox", whether or not the address was known."""
    if not registering.is_open():
        return redirect("registration_disallowed")
    if request.user.is_authenticated:
        return render(request, "registration/signed_in.html")
    form = RegistrationForm(request.POST or None)
    status = 200
    if form.is_valid():
        if _too_often(form, request):
            status = TOO_MANY_REQUESTS
        elif _register(form, request):
            return redirect("registration_complete")
    return captcha.allow_scripts(render(request, "registration/registration_form.html", {"form": form}, status=status))


def _register(form: RegistrationForm, request: HttpRequest) -> bool:
    facts = form.cleaned_data
    try:
        registering.register(form.save(commit=False), facts["telephone"], facts.get("organization"), request)
    except IntegrityError:  # somebody else took the name in this moment
        form.add_error("username", taken_name())
        return False
    return True


def _too_often(form: BaseForm, request: HttpRequest) -> bool:
    too_often = registering.comes_too_often(request)
    if too_often:
        form.add_error(None, _("Too many registrations came from your network lately. Please come back in an hour."))
    return too_often


@require_safe
def complete(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/registration_complete.html")


@require_safe
def closed(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/registration_closed.html", {"is_open": registering.is_open()})


@page_with_form
@never_cache
def resend(request: HttpRequest) -> HttpResponse:
    """Mails the link once more; the answer is the same for every address."""
    form = ResendForm(request.POST or None)
    status = 200
    if form.is_valid():
        if not _too_often(form, request):
            registering.resend(form.cleaned_data["email"], request)
            return redirect("registration_complete")
        status = TOO_MANY_REQUESTS
    return render(request, "registration/resend_activation_form.html", {"form": form}, status=status)


@page_with_form
@never_cache
def activate(request: HttpRequest, activation_key: str) -> HttpResponse:
    """The link of the first mail: a button that proves the address, or why that is not possible."""
    link, row = registering.find(activation_key)
    owner = row.user if row else None
    if owner is not None and request.user.is_authenticated:
        return render(request, "registration/signed_in.html", {"owner": owner})
    if request.method == "POST" and link == "good":
        link = registering.prove(activation_key, request)
        if link == "good":
            return redirect("registration_activation_complete")
    return render(request, "registration/activate.html", {"link": link, "owner": owner})


@require_safe
def activation_complete(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/activation_complete.html")


# ---- for who decides -----------------------------------------------------------------------------------------


@login_required
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """Who waits for a decision, and who has not proven the address yet."""
    permissions.deciders_only(request.user)
    rows = {"waiting": registering.waiting(), "unproven": registering.unproven()}
    return render(request, "users/waiting.html", {**rows, "form": RefusalForm()})


@login_required
@page_with_form
@never_cache
def approve(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Somebody who waits: who it is, and on POST the decision, `deed` being "approve" or "refuse" (with a reason)."""
    permissions.deciders_only(request.user)
    row = registering.waiting().filter(pk=profile_id).first()
    form = RefusalForm(request.POST if request.POST.get("deed") == "refuse" else None)
    if row is None:
        return _decided_already(request)
    if request.POST.get("deed") == "approve":
        return _decided(request, registering.approve(profile_id, request), _("%(name)s can sign in now."))
    if form.is_valid():
        refused = registering.refuse(profile_id, form.cleaned_data["reason"], request)
        return _decided(request, refused, _("%(name)s was refused and told why."))
    return render(request, "registration/admin_approve.html", {"row": row, "form": form})


def _decided(request: HttpRequest, user: object, sentence: str) -> HttpResponse:
    if user is None:
        return _decided_already(request)
    messages.success(request, sentence % {"name": user})
    return redirect(own_page(request, request.POST.get("next", ""), reverse("registration_approve_complete")))


def _decided_already(request: HttpRequest) -> HttpResponse:
    """The link is old, or another administrator was faster."""
    return render(request, "registration/admin_approve.html", {"row": None})


@login_required
@require_safe
def approve_complete(request: HttpRequest) -> HttpResponse:
    permissions.deciders_only(request.user)
    return render(request, "registration/admin_approve_complete.html", {"waiting": registering.waiting().count()})
