"""Writing to owners: one form, whose every button sends what was typed and brings the page back with it."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts import outbox
from accounts.permissions import only
from apps.audit.models import Actor
from apps.clusters import fleet
from apps.notifications import recipients, sending
from apps.notifications.compose import Compose
from apps.notifications.models import Notification
from apps.notifications.permissions import may_notify, may_read_archive
from apps.notifications.recipients import KINDS, Person

ARCHIVE_PER_PAGE = 20


@only(may_notify)
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def notify(request: HttpRequest, instance: str = "") -> HttpResponse:
    """The form, with the owners of one VM chosen where the address names it; sends on "send"."""
    chosen = [_of_instance(request, instance)] if instance and request.method != "POST" else []
    if request.method != "POST":
        return _shown(request, Compose(request.GET, chosen))
    action = request.POST.get("action", "")
    if action == "send":
        return _send(request, Compose(request.POST, checked=True))
    if action == "send-to-me":
        return _send_to_me(request, Compose(request.POST, checked=True))
    return _shown(request, Compose(request.POST))


@only(may_notify)
@require_safe
def find_recipients(request: HttpRequest) -> HttpResponse:
    """What can be chosen, as JSON: `q` and `type`, with the keys of ganetimgr 2.x."""
    words, kind = request.GET.get("q", ""), request.GET.get("type", "")
    if not words and not kind:
        return HttpResponseBadRequest(_("Say what to look for: q and type."))
    kinds = [kind] if kind else list(KINDS)
    return JsonResponse(
        [
            {
                "id": one.id,
                "text": one.text,
                "type": one.kind,
                **({"email" if one.kind == "user" else "cluster": one.beside} if one.beside else {}),
            }
            for each in kinds
            for one in recipients.search(each, words[:100])
        ],
        safe=False,
    )


def _of_instance(request: HttpRequest, name: str) -> str:
    """The id of the owners of that VM; where several clusters have one of that name, `cluster` says which."""
    slug = request.GET.get("cluster", "")
    found = [one for one in fleet.named(name) if not slug or one.cluster == slug]
    if not found:
        raise Http404(_("There is no such instance, or it is not yours."))
    if len(found) > 1:
        messages.warning(request, _("Several clusters have a VM of this name: add the one that you mean."))
        return ""
    return recipients.of_instance(found[0].cluster, found[0].name)


def _send(request: HttpRequest, compose: Compose) -> HttpResponse:
    if Notification.objects.filter(token=compose.token).exists():
        return _to(request, reverse("notify"))  # the same form once more
    people = compose.found.people
    if not compose.form.is_valid():
        return _shown(request, compose, status=422)
    if not people:
        messages.error(request, _("Nobody would get it: choose whose owners, or who."))
        return _shown(request, compose, status=422)
    if request.POST.get("expected") != str(len(people)):
        messages.warning(
            request,
            ngettext(
                "Meanwhile it is %(n)d person who would get it. Look at it, and send it again.",
                "Meanwhile it is %(n)d people who would get it. Look at it, and send it again.",
                len(people),
            )
            % {"n": len(people)},
        )
        return _shown(request, compose, status=422)
    sent = sending.send(Actor.of(request), *_texts(compose), compose.found.choices, people, compose.token)
    messages.success(
        request,
        ngettext("It goes to %(n)d person.", "It goes to %(n)d people.", len(people)) % {"n": len(people)},
    )
    return _to(
        request,
        reverse("notification-details", args=[sent.pk]) if may_read_archive(request.user) else reverse("notify"),
    )


def _to(request: HttpRequest, url: str) -> HttpResponse:
    """Another page as a whole, also where htmx asked for a part of this one."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)  # type: ignore[attr-defined]


def _send_to_me(request: HttpRequest, compose: Compose) -> HttpResponse:
    """The mail as the person shown would get it, to whoever writes it: nothing is kept of it."""
    user = request.user
    assert isinstance(user, User)
    if not compose.form.is_valid():
        return _shown(request, compose, status=422)
    subject, message = _texts(compose)
    reader = compose.reader or Person(user)
    context = {"subject": subject, "text": sending.filled(message, reader.vms, reader.called)}
    if outbox.post(sending.OCCASION, user, context):
        messages.success(request, _("It goes to %(address)s only.") % {"address": user.email})
    else:
        messages.error(request, _("Your account has no e-mail address."))
    return _shown(request, compose)


def _texts(compose: Compose) -> tuple[str, str]:
    return compose.form.cleaned_data["subject"], compose.form.cleaned_data["message"]


def _shown(request: HttpRequest, compose: Compose, *, status: int = 200) -> HttpResponse:
    part = "notifications/_compose.html" if request.htmx else "notifications/compose.html"  # type: ignore[attr-defined]
    archive = Notification.objects.counted()
    page = Paginator(archive, ARCHIVE_PER_PAGE).get_page(request.GET.get("page"))
    context = {"compose": compose, "page": page, "may_read": may_read_archive(request.user)}
    return render(request, part, context, status=status)
