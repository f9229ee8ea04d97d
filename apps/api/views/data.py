"""What programs read: the names of a person's VMs, and who the person is. The JSON is that of ganetimgr 2.x."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from apps.api.permissions import while_enabled
from apps.api.tokens import for_programs
from apps.clusters import fleet
from ganeti import tags as tag_grammar


@while_enabled
@require_safe
@for_programs
def instances(request: HttpRequest, person: Any) -> HttpResponse:
    """The names of the VMs that `person` owns, sorted, each once; with ?tag= of those that have exactly this tag.

    Those of silent clusters are as they were known; `errors` says that there may be more, on a cluster of which
    nothing is known. From the inventory: Ganeti is not asked.
    """
    owned = fleet.Fleet(person, owners=fleet.owner_keys(person))
    wanted = _meaning(request.GET.get("tag", ""))
    found = {
        instance.name
        for catalogue in owned.catalogues.values()
        for instance in catalogue.instances
        if not wanted or any(_meaning(tag) == wanted for tag in instance.tags)
    }
    is_incomplete = owned.store_is_away or not all(view.has_snapshot for view in owned.clusters.values())
    response = {"instances": sorted(found), "errors": is_incomplete}
    return JsonResponse({"user": _of(person), "response": response})


@while_enabled
@require_safe
@for_programs
def user(request: HttpRequest, person: Any) -> HttpResponse:
    return JsonResponse(_of(person))


def _of(person: Any) -> dict[str, Any]:
    return {"username": person.get_username(), "email": person.email, "id": person.pk}


def _meaning(tag: str) -> tuple[str, ...]:
    """What a tag says: that of an owner says the same in both spellings. Empty for none."""
    kind, name = tag_grammar.split(tag, settings.GANETI_TAG_PREFIX)
    return (kind, name) if kind in ("user", "group") else (tag,) if tag else ()
