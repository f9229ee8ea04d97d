"""The page of one user or group: who it is, what they own, what they did."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import navigation, panels, profiles
from accounts.models import Authenticator, EmailChange
from apps.audit.models import AuditEntry
from apps.audit.shown import ShownEntry
from apps.clusters import fleet, inventories
from apps.clusters.fleet import Fleet
from apps.clusters.forms import PER_PAGE, InstanceSearchForm
from apps.clusters.views.etag import etag_of, unless_unchanged
from apps.clusters.views.instances import list_context
from apps.desk import people
from apps.desk.owned import Holdings
from apps.desk.people import Listed
from apps.desk.permissions import for_lookers

ENTRIES_PER_PAGE = 15
MEMBERS_SHOWN = 12


@dataclass(frozen=True)
class Subject:
    """Whom the page is about. Without an account where only tags of VMs name them."""

    kind: str  # user or group
    name: str
    user: User | None = None
    group: Group | None = None

    @cached_property
    def own_keys(self) -> set[str]:
        """With the name they had lately, while VMs still carry it."""
        return fleet.keys_of(self.kind, self.name)

    @property
    def group_keys(self) -> set[str]:
        return {f"group:{group.name}" for group in self.user.groups.all()} if self.user else set()

    @property
    def is_known(self) -> bool:
        return self.user is not None or self.group is not None


@for_lookers
@require_safe
@vary_on_headers("HX-Request")
def info(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """Everything about one user or group; for htmx the part with their VMs alone."""
    about = subject(kind, name)
    via = request.GET.get("via", "")
    holdings = Holdings(about.own_keys | about.group_keys, request.user)
    if not about.is_known and not holdings.of(*about.own_keys) and not holdings.is_incomplete:
        raise Http404(_("There is no such account."))
    keys = {"own": about.own_keys, "groups": about.group_keys}.get(via)
    seen = holdings.fleet if keys is None else Fleet(request.user, keys)
    if request.htmx:  # type: ignore[attr-defined]

        def show() -> HttpResponse:
            return render(request, "desk/_vms.html", _vms(request, about, holdings, seen))

        etag = etag_of(request, holdings.fleet.fingerprint, seen.fingerprint)
        return unless_unchanged(request, etag, show, as_of=seen.as_of)
    context = {**_vms(request, about, holdings, seen), **_who(about), **_history(request, about)}
    return render(request, "desk/info.html", {**context, "panels": panels.shown(request, kind, name)})


def subject(kind: str, name: str) -> Subject:
    """The account or group of that name, or only the name."""
    if kind == "user":
        return Subject(kind, name, user=people.everybody().filter(username=name).first())
    if kind == "group":
        return Subject(kind, name, group=Group.objects.filter(name=name).first())
    raise Http404(_("There are pages about users and about groups."))


def _vms(request: HttpRequest, about: Subject, holdings: Holdings, seen: Fleet) -> dict[str, Any]:
    """What the part with the VMs shows: the list's own context, narrowed to this owner."""
    form = InstanceSearchForm(request.GET, seen)
    found: Any = form.apply()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    inventories.look_at({instance.cluster for instance in page.object_list})
    return {
        **list_context(request, seen, form, page),
        "about": about,
        "whose": about.name,
        "wide": True,
        "heading": _("VMs"),
        "kept": [(name, request.GET[name]) for name in ("via", "history") if name in request.GET],
        "splits": _splits(request, about, holdings),
    }


def _splits(request: HttpRequest, about: Subject, holdings: Holdings) -> list[dict[str, Any]]:
    """A user's VMs by how they own them; nothing for who is in no group."""
    if not about.group_keys:
        return []
    through_groups = {(each.cluster, each.name) for key in about.group_keys for each in holdings.of(key)}
    everything = sum(len(catalogue) for catalogue in holdings.fleet.catalogues.values())
    parts = [
        ("", pgettext("list of VMs", "All"), everything),
        ("own", _("In their own name"), len(holdings.of(*about.own_keys))),
        ("groups", _("Through groups"), len(through_groups)),
    ]
    chosen = request.GET.get("via", "")
    chosen = chosen if chosen in ("own", "groups") else ""
    return [
        {"value": value, "label": word, "count": count, "is_current": value == chosen} for value, word, count in parts
    ]


def _who(about: Subject) -> dict[str, Any]:
    if about.user:
        return _about_user(about.user)
    if about.group:
        return _about_group(about.group)
    return {}


def _about_user(user: User) -> dict[str, Any]:
    return {
        "status": people.standing(user),
        "profile": profiles.of(user),
        "spoken": dict(settings.LANGUAGES).get(profiles.of(user).language, ""),
        "organizations": user.organizations.all(),
        "keys": user.ssh_keys.all(),
        "groups": user.groups.order_by("name"),
        "sign_in": _way_to_sign_in(user),
        "has_second_factor": Authenticator.objects.filter(user=user).exists(),
        "email_change": EmailChange.objects.filter(user=user).first(),
        "waiting_url": navigation.address_of("registration-waiting") if people.is_registering(user) else "",
        "edit_url": reverse("admin:auth_user_change", args=[user.pk]),
    }


def _way_to_sign_in(user: User) -> str:
    if user.has_usable_password():
        return _("with a password of this site")
    if getattr(settings, "AUTH_LDAP_SERVER_URI", ""):
        return _("with the directory's password (LDAP)")
    return _("not possible: there is no password")


def _about_group(group: Group) -> dict[str, Any]:
    members = people.everybody().filter(groups=group)
    return {
        "members": [Listed(user, None) for user in members.order_by("username")[:MEMBERS_SHOWN]],
        "member_count": members.count(),
        "members_url": f"{reverse('user-list')}?{urlencode({'group': group.name})}",
        "edit_url": reverse("admin:auth_group_change", args=[group.pk]),
    }


def _history(request: HttpRequest, about: Subject) -> dict[str, Any]:
    """What they did and what was done to their account, newest first, a page of it."""
    entries = AuditEntry.objects.concerning(about.name, about.user)
    page = Paginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("history"))
    rows: Any = [ShownEntry(entry, request.user, sees_everything=True) for entry in page.object_list]
    page.object_list = rows
    return {"entries": page, "history_url": f"{reverse('auditlog')}?{urlencode({'q': about.name})}"}
