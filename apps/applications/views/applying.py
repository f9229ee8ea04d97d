"""An applicant's pages: the form, my applications, and what becomes of one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import navigation, profiles
from apps.applications import decisions, drafts, hostnames, images
from apps.applications.decisions import Refused
from apps.applications.drafts import Kept
from apps.applications.forms.applying import ApplicationForm, WordsForm
from apps.applications.models import InstanceApplication
from apps.applications.permissions import application_or_404, may_review, may_see_all, own_application_or_404
from apps.applications.shown import ShownApplication, with_last_word
from apps.audit.models import Actor

PER_PAGE = 50
LONGEST_NAME = 1000  # of what is looked at while somebody types


# ---- the form ---------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """The form; what was typed before a session was lost is in it again."""
    user = _me(request)
    if request.method != "POST":
        draft = drafts.kept(user)
        return _form_page(request, ApplicationForm(user=user, initial=draft.fields), draft=draft)
    form = ApplicationForm(request.POST, user=user)
    application = _filed(request, form) if form.is_valid() else _sent_twice(request)
    if application:
        return redirect("application-detail", application.pk)
    drafts.keep(user, request.POST)
    return _form_page(request, form)


def _filed(request: HttpRequest, form: ApplicationForm) -> InstanceApplication | None:
    try:
        application = decisions.file(Actor.of(request), form.cleaned_data)
    except Refused as refusal:
        form.add_error("hostname", str(refusal))
        return _sent_twice(request)
    _complete_profile(request, form.cleaned_data)
    messages.success(
        request,
        _("Your application %(id)s for %(name)s is filed. You get a mail when it is decided.")
        % {"id": application.pk, "name": application.hostname},
    )
    return application


def _sent_twice(request: HttpRequest) -> InstanceApplication | None:
    """The application that the same person has filed with these very words: somebody clicked twice."""
    name = hostnames.tidied(request.POST.get("hostname", "")[:LONGEST_NAME])
    application = InstanceApplication.objects.of(request.user).pending().filter(holds=name).first()
    is_same = application is not None and application.comments == request.POST.get("comments", "").strip()
    return application if is_same else None


def _complete_profile(request: HttpRequest, fields: dict[str, Any]) -> None:
    """What the profile lacks and the form knows is remembered for the next one."""
    profile = profiles.of(_me(request))
    if profile.organization is None and fields.get("organization"):
        profile.organization = fields["organization"]
    if not profile.telephone and fields.get("admin_contact_phone"):
        profile.telephone = fields["admin_contact_phone"][: profile._meta.get_field("telephone").max_length]
    profile.save(update_fields=["organization", "telephone"])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, application_id: int) -> HttpResponse:
    """A rejected or withdrawn application, to be changed and sent once more."""
    application, user = own_application_or_404(request.user, application_id), _me(request)
    if not application.may_be_sent_again:
        messages.error(request, _("Only a rejected or withdrawn application can be sent again."))
        return redirect("application-detail", application_id)
    if request.method != "POST":
        draft = drafts.kept(user, again=str(application_id))
        initial = {**_as_filed(application), **draft.fields}
        form = ApplicationForm(user=user, application=application, initial=initial)
        return _form_page(request, form, draft=draft)
    form = ApplicationForm(request.POST, user=user, application=application)
    if form.is_valid() and _sent_again(request, form, application):
        return redirect("application-detail", application_id)
    drafts.keep(user, request.POST)
    return _form_page(request, form)


def _sent_again(request: HttpRequest, form: ApplicationForm, application: InstanceApplication) -> bool:
    try:
        decisions.send_again(application, Actor.of(request), form.cleaned_data)
    except Refused as refusal:
        form.add_error("hostname", str(refusal))
        return False
    drafts.forget(_me(request))
    messages.success(request, _("Your application is sent again."))
    return True


def _as_filed(application: InstanceApplication) -> dict[str, Any]:
    initial = {name: getattr(application, name) for name in decisions.ASKED_FOR}
    initial["wanted_network"] = application.wanted_network_id
    initial["organization"] = application.organization_id
    return initial


def _form_page(request: HttpRequest, form: ApplicationForm, draft: Kept | None = None) -> HttpResponse:
    context = {
        "form": form,
        "again": form.application,
        "draft": draft if draft and draft.fields else None,
        "keys_url": navigation.address_of("user-keys"),
    }
    return render(request, "applications/apply.html", context)


@login_required
@require_POST
def draft(request: HttpRequest) -> HttpResponse:
    """Keeps what is typed so far, as static/js/draft.js sends it now and then; or forgets it."""
    if "afresh" in request.POST:
        drafts.forget(_me(request))
        number = request.POST.get(drafts.AGAIN, "")
        return redirect("application-again", int(number)) if _is_number(number) else redirect("apply")
    return HttpResponse(status=204 if drafts.keep(_me(request), request.POST) else 413)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


@login_required
@require_safe
def hostname(request: HttpRequest) -> HttpResponse:
    """The sentence about the name that is being typed."""
    name = hostnames.tidied(request.GET.get("hostname", "")[:LONGEST_NAME])
    problem = (hostnames.problem_with(name) or hostnames.taken(name)) if name else ""
    return render(request, "applications/_hostname.html", {"problem": problem, "name": name})


# ---- what becomes of it ------------------------------------------------------------------------------------------


@login_required
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """My applications, the newest first."""
    rows = with_last_word(InstanceApplication.objects.of(request.user)).select_related("job__cluster")
    page: Any = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = [ShownApplication(application) for application in page.object_list]
    return render(request, "applications/mine.html", {"page": page})


@login_required
@require_safe
def detail(request: HttpRequest, application_id: int) -> HttpResponse:
    """One application: what was asked for, where it stands, and everything that was said."""
    return _detail_page(request, application_or_404(request.user, application_id), WordsForm())


def _detail_page(request: HttpRequest, application: InstanceApplication, form: WordsForm) -> HttpResponse:
    context = {
        "application": ShownApplication(application, for_reviewers=may_see_all(request.user)),
        "is_mine": application.applicant_id == _me(request).pk,
        "may_review": may_review(request.user),
        "may_see_all": may_see_all(request.user),
        "form": form,
    }
    return render(request, "applications/detail.html", context)


@login_required
@require_POST
def withdraw(request: HttpRequest, application_id: int) -> HttpResponse:
    """While nobody has decided."""
    application = own_application_or_404(request.user, application_id)
    try:
        decisions.withdraw(application, Actor.of(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The application is withdrawn."))
    return redirect("application-detail", application_id)


@login_required
@require_POST
def answer(request: HttpRequest, application_id: int) -> HttpResponse:
    """The applicant's answer to a question."""
    application = own_application_or_404(request.user, application_id)
    form = WordsForm(request.POST)
    if not form.is_valid():
        return _detail_page(request, application, form)
    try:
        decisions.answer(application, Actor.of(request), form.cleaned_data["text"])
    except Refused as refusal:
        form.add_error("text", str(refusal))
        application.refresh_from_db()
        return _detail_page(request, application, form)
    messages.success(request, _("Your answer is sent."))
    return redirect("application-detail", application_id)


@login_required
@require_safe
def operating_systems(request: HttpRequest) -> HttpResponse:
    """The catalogue in the shape that tools know, less what is nobody's business (predecessor: osparams)."""
    entries = [[image_id, {"description": description}] for image_id, description in images.choices()]
    return JsonResponse({"status": "success", "operating_systems": entries})


def _me(request: HttpRequest) -> Any:
    return request.user
