"""Who may reach and change an instance: its owners, its lock, its isolation and the network that is let in.

The addresses of ganetimgr 2.x know an instance by its name alone. `?cluster=` tells which one is meant; without it the
only one of that name is, among those that the asker may see.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.looks import Text
from accounts.redirects import is_script, own_page
from apps.audit.models import Actor
from apps.clusters import actions, fleet, holding, locks, moving, owners, permissions, problems, shown
from apps.clusters.access_forms import IsolateForm, LetInForm, LockForm, OwnersForm
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.models import Job
from apps.clusters.owners import Owner
from apps.clusters.permissions import clusters_of, instance_or_404
from apps.clusters.views.instances import nothing_known, render_section

Answer = Callable[..., HttpResponse]
PARTS = ("owners", "lock", "isolation")


# ---- which instance ------------------------------------------------------------------------------------------


class Ambiguous(Exception):
    """Several instances of this name may be meant."""

    def __init__(self, name: str, slugs: list[str]) -> None:
        super().__init__(name)
        self.name, self.slugs = name, slugs


def of_one_instance(may: str) -> Callable[[Answer], Answer]:
    """The view gets the instance that the address means, for someone who `may` do that to it."""

    def decorate(view: Answer) -> Answer:
        @login_required
        @never_cache
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def answer(request: HttpRequest, instance: str = "", cluster_slug: str = "") -> HttpResponse:
            try:
                vm = _instance(request, instance, cluster_slug or request.GET.get("cluster", ""), may)
            except NothingKnown as unknown:
                if request.method == "POST":
                    return _refused(request, problems.nothing_known(unknown.cluster.label), request.get_full_path())
                return nothing_known(request, instance, unknown)
            except Ambiguous as ambiguous:
                return _ask_which(request, ambiguous)
            return view(request, vm)

        return answer

    return decorate


def _instance(request: HttpRequest, name: str, slug: str, may: str) -> Vm:
    if not name:
        raise Http404(_("The address has to name a VM."))
    if not slug:
        slugs = clusters_of(request.user, name)
        if len(slugs) > 1:
            raise Ambiguous(name, slugs)
        slug = slugs[0] if slugs else ""
    return instance_or_404(request.user, slug, name, may=may)


def _ask_which(request: HttpRequest, ambiguous: Ambiguous) -> HttpResponse:
    """A link for each cluster; scripts read that they have to say which."""
    if is_script(request):
        sentence = _("There are several VMs of this name. Say which with ?cluster=, one of: %(clusters)s.")
        reason = sentence % {"clusters": ", ".join(ambiguous.slugs)}
        return JsonResponse({"result": "failure", "reason": reason}, status=409)
    views = fleet.Fleet(request.user).clusters
    links = [
        (f"{request.path}?{urlencode({'cluster': slug})}", shown.cluster_name(views[slug], request.user))
        for slug in ambiguous.slugs
        if slug in views
    ]
    status = 409 if request.method == "POST" else 200
    return render(request, "clusters/instances/which.html", {"name": ambiguous.name, "links": links}, status=status)


# ---- what pages show -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Access:
    """What the panels about access show to one person; `parts` are those that are wanted."""

    vm: Vm
    reader: Any
    parts: tuple[str, ...] = PARTS
    form: LetInForm | None = None  # where it came back with a sentence
    next: str = ""  # where its forms lead back to

    def _url(self, name: str) -> str:
        return address(name, self.vm)

    @property
    def shows_owners(self) -> bool:
        return "owners" in self.parts

    @property
    def shows_lock(self) -> bool:
        return "lock" in self.parts and permissions.may_lock(self.reader, self.vm)

    @property
    def shows_isolation(self) -> bool:
        return "isolation" in self.parts

    @cached_property
    def owners(self) -> list[Owner]:
        return owners.of(self.vm, self.reader)

    @property
    def more_owners(self) -> int:
        return len(self.vm.tags.users) + len(self.vm.tags.groups) - len(self.owners)

    @property
    def owners_url(self) -> str:
        return self._url("instance-tags") if permissions.may_operate(self.reader, self.vm) else ""

    @property
    def lock_url(self) -> str:
        return self._url("lock")

    @property
    def why_not_lock(self) -> Text:
        return locks.why_not(self.reader, self.vm, Job.Kind.ADD_TAGS, may="lock")

    @property
    def isolate_url(self) -> str:
        return self._url("isolate") if permissions.may_isolate(self.reader, self.vm) else ""

    @property
    def why_not_isolate(self) -> Text:
        return locks.why_not(self.reader, self.vm, Job.Kind.ADD_TAGS, may="isolate")

    @cached_property
    def effect(self) -> str:
        return moving.effect(self.vm)

    @property
    def let_in_url(self) -> str:
        return self._url("instance-let-in")

    @cached_property
    def let_in_form(self) -> LetInForm | None:
        """While it is isolated, for those who choose the network."""
        if self.form is None and not (self.vm.tags.isolate and permissions.may_let_in(self.reader, self.vm)):
            return None
        return self.form or LetInForm(self.vm)

    @cached_property
    def why_not_let_in(self) -> Text:
        return holding.why_not_let_in(self.reader, self.vm)

    @property
    def lock_value(self) -> str:
        return "false" if self.vm.tags.adminlock else "true"

    @property
    def isolate_value(self) -> str:
        return "false" if self.vm.tags.isolate else "true"

    @property
    def isolate_text(self) -> str:
        """What is to be known before isolating it."""
        let_in = ", ".join(self.vm.tags.whitelist[:5])
        who = _("Then only %(networks)s reaches it.") % {"networks": let_in} if let_in else _("Then nobody reaches it.")
        return f"{who} {self.effect}"

    @property
    def renewal_url(self) -> str:
        """Where the panels renew themselves when the head of the page does."""
        url = reverse("instance-access", args=[self.vm.cluster.slug, self.vm.name])
        return f"{url}?{urlencode({'part': self.parts}, doseq=True)}"


def context(
    request: HttpRequest, vm: Vm, parts: tuple[str, ...] = PARTS, form: LetInForm | None = None
) -> dict[str, Any]:
    """What templates/clusters/instances/_access.html needs, for whoever reads `request`."""
    return {"access": Access(vm, request.user, parts, form, _next(request))}


def _next(request: HttpRequest) -> str:
    """The page that shows the panels: where htmx only renews them, the one around them."""
    here = urlsplit(request.htmx.current_url or "") if request.htmx else None  # type: ignore[attr-defined]
    return f"{here.path}?{here.query}" if here else request.get_full_path() if request.method == "GET" else ""


def address(name: str, vm: Vm) -> str:
    """One of the addresses that know a bare name, with its cluster; or one that has the cluster in its path."""
    if name in ("instance-tags", "lock", "isolate"):
        return f"{reverse(name, args=[vm.name])}?{urlencode({'cluster': vm.cluster.slug})}"
    return reverse(name, args=[vm.cluster.slug, vm.name])


def _page(request: HttpRequest, vm: Vm, *parts: str, form: LetInForm | None = None) -> HttpResponse:
    return render_section(
        request, vm, "settings", "clusters/instances/access.html", context(request, vm, parts or PARTS, form)
    )


@login_required
@never_cache
@require_safe
def instance_access(request: HttpRequest, cluster_slug: str, instance: str) -> HttpResponse:
    """All panels, or those that ?part= names; for htmx without the page around them."""
    try:
        vm = instance_or_404(request.user, cluster_slug, instance, may="change anything")
    except NothingKnown as unknown:
        return nothing_known(request, instance, unknown)
    parts = tuple(part for part in PARTS if part in request.GET.getlist("part")) or PARTS
    if request.htmx and request.htmx.target == "access":  # type: ignore[attr-defined]
        head = {"vm": shown.ShownVm(vm, request.user)}
        return render(request, "clusters/instances/_access.html", {**head, **context(request, vm, parts)})
    return _page(request, vm, *parts)


# ---- lock and isolation --------------------------------------------------------------------------------------


@of_one_instance("lock")
def lock(request: HttpRequest, vm: Vm) -> HttpResponse:
    if request.method != "POST":
        return _page(request, vm, "lock")
    form = LockForm(request.POST)
    form.is_valid()
    return _do(request, vm, "lock", lambda by: holding.lock(vm, by, on=form.cleaned_data["adminlock"]))


@of_one_instance("isolate")
def isolate(request: HttpRequest, vm: Vm) -> HttpResponse:
    if request.method != "POST":
        return _page(request, vm, "isolation")
    form = IsolateForm(request.POST)
    form.is_valid()
    return _do(
        request, vm, "isolate", lambda by: holding.isolate(vm, by, on=form.cleaned_data["isolate"]), moving.effect(vm)
    )


@of_one_instance("let in")
def let_in(request: HttpRequest, vm: Vm) -> HttpResponse:
    """The one network that reaches an isolated instance."""
    if request.method != "POST":
        return _page(request, vm, "isolation")
    form = LetInForm(vm, request.POST)
    if not form.is_valid():
        sentence = str(form.errors["whitelist_ip"][0])
        return _failure(sentence) if is_script(request) else _page(request, vm, "isolation", form=form)
    wanted = form.cleaned_data["whitelist_ip"]
    return _do(request, vm, "instance-let-in", lambda by: holding.let_in(vm, wanted, by), moving.effect(vm))


def _do(request: HttpRequest, vm: Vm, url_name: str, verb: Callable[[Actor], Job], effect: str = "") -> HttpResponse:
    """Does it and answers; `effect` says when it counts."""
    here = address(url_name, vm)
    try:
        told = " ".join(filter(None, (actions.told(verb(Actor.of(request))), effect)))
    except holding.Unchanged as unchanged:
        return _done(request, str(unchanged), here)
    except actions.Refused as refused:
        return _refused(request, str(refused), here)
    return _done(request, told, here)


# ---- owners --------------------------------------------------------------------------------------------------


@of_one_instance("operate")
def tags(request: HttpRequest, vm: Vm) -> HttpResponse:
    """Who owns it: the list with a box for each, a search for others, and what is asked before somebody locks himself
    out."""
    if request.method != "POST":
        return _owners_page(request, vm, OwnersForm(vm, request.user))
    if "find" in request.POST:
        return _found(request, vm, OwnersForm(vm, request.user, request.POST, is_search=True))
    form = OwnersForm(vm, request.user, request.POST)
    if not form.is_valid():
        if is_script(request):
            hint = [_("Send confirmed=true with it.")] if form.warning else []
            return _failure(" ".join([*(str(error) for errors in form.errors.values() for error in errors), *hint]))
        return _owners_page(request, vm, form)
    return _give(request, vm, form)


def _give(request: HttpRequest, vm: Vm, form: OwnersForm) -> HttpResponse:
    here, change = address("instance-tags", vm), form.change
    if not change.added and not change.removed:
        return _done(request, _("Nothing has changed: it was so already."), here)
    try:
        owners.make(change, vm, Actor.of(request))
    except actions.Refused as refused:
        if is_script(request):
            return _failure(str(refused))
        form.add_error("owner", str(refused))
        return _owners_page(request, vm, form)
    page = reverse("instance-detail", args=[vm.cluster.slug, vm.name])
    is_out = not fleet.sees_everything(request.user) and fleet.owner_keys(request.user).isdisjoint(change.left(vm))
    return _done(request, owners.told(change, vm), reverse("user-instances") if is_out else page, is_fixed=is_out)


def _found(request: HttpRequest, vm: Vm, form: OwnersForm) -> HttpResponse:
    """The page with what the search found, and with all boxes as they were; for htmx the part with the boxes alone."""
    text = request.POST.get("q", "")[:254]
    found: list[Owner] = []
    sentence = ""
    try:
        if len(text.strip()) >= owners.SHORTEST:
            owners.count_search(request.user)
            found = owners.search(text, request.user)
        elif text.strip():
            sentence = _("Type at least two characters.")
    except owners.TooMany as error:
        sentence = str(error)
    boxes = {box["owner"].key for box in form.boxes}
    new = [one for one in found if one.key not in boxes]
    more = {
        "found": new,
        "searched": text.strip() if not sentence else "",
        "all_listed": bool(found) and not new,
        "is_full": len(found) >= owners.MOST_FOUND,
        "search_sentence": sentence,
    }
    if request.htmx and request.htmx.target == "owner-choice":  # type: ignore[attr-defined]
        return render(request, "clusters/instances/_owner_choice.html", {"form": form, **more})
    return _owners_page(request, vm, form, **more)


def _owners_page(request: HttpRequest, vm: Vm, form: OwnersForm, **more: Any) -> HttpResponse:
    facts = {
        "form": form,
        "url": address("instance-tags", vm),
        "tells": fleet.sees_everything(request.user),
        "why_not": locks.why_not(request.user, vm, Job.Kind.ADD_TAGS),
    }
    return render_section(request, vm, "settings", "clusters/instances/owners.html", {**facts, **more})


@login_required
@never_cache
@require_safe
def tagusergroups(request: HttpRequest) -> HttpResponse:
    """Users and groups that might become owners, for scripts."""
    text = request.GET.get("q", "")[:254]
    if len(text.strip()) < owners.SHORTEST:
        return JsonResponse([], safe=False)
    try:
        owners.count_search(request.user)
    except owners.TooMany as error:
        return JsonResponse({"reason": str(error)}, status=429)
    tells = fleet.sees_everything(request.user)
    rows = [
        {"text": one.name, "id": one.id, "type": one.kind}
        | ({"email": one.email} if tells and one.kind == owners.USER else {})
        for one in owners.search(text, request.user)
    ]
    return JsonResponse(rows, safe=False)


# ---- answers -------------------------------------------------------------------------------------------------


def _done(request: HttpRequest, told: str, here: str, *, is_fixed: bool = False) -> HttpResponse:
    """{"result": "success"} for scripts; others go back to the page that asked (unless `is_fixed`), or to `here`."""
    if is_script(request):
        return JsonResponse({"result": "success"})
    messages.success(request, told)
    return redirect(here if is_fixed else own_page(request, request.POST.get("next", ""), here))


def _refused(request: HttpRequest, sentence: str, here: str) -> HttpResponse:
    if is_script(request):
        return _failure(sentence)
    messages.error(request, sentence)
    return redirect(own_page(request, request.POST.get("next", ""), here))


def _failure(sentence: str) -> JsonResponse:
    return JsonResponse({"result": "failure", "reason": sentence}, status=409)
