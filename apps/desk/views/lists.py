"""The list of users and the list of groups."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.desk.forms import GroupForm, PeopleForm
from apps.desk.owned import Holdings
from apps.desk.people import Listed
from apps.desk.permissions import for_lookers

PER_PAGE = 50


@for_lookers
@require_safe
@vary_on_headers("HX-Request")
def users(request: HttpRequest) -> HttpResponse:
    """Everybody, searched, filtered and sorted by the database."""
    form = PeopleForm(request.GET)
    found = form.search()
    counts = form.count(found)
    page = page_of(request, form.apply(found).prefetch_related("groups"), counts[form.value("state")])
    holdings = Holdings((f"user:{user.get_username()}" for user in page.object_list), request.user)
    page.object_list = listed(page, holdings)
    context = {"form": form, "page": page, "chips": form.chips(counts), "is_filtered": form.is_narrowed}
    return part_or_page(request, "users", {**context, "holdings": holdings})


@for_lookers
@require_safe
@vary_on_headers("HX-Request")
def groups(request: HttpRequest) -> HttpResponse:
    """All groups with the numbers of their members and VMs."""
    form = GroupForm(request.GET)
    page = page_of(request, form.apply())
    holdings = Holdings((f"group:{group.name}" for group in page.object_list), request.user)
    page.object_list = [
        {"group": group, "vm_count": holdings.count(f"group:{group.name}")} for group in page.object_list
    ]
    context = {"form": form, "page": page, "is_filtered": bool(form.words), "holdings": holdings}
    return part_or_page(request, "groups", context)


def page_of(request: HttpRequest, rows: Any, count: int | None = None) -> Page:
    """The page that the address asks for; `count` where it is known already."""
    paginator = Paginator(rows, PER_PAGE)
    if count is not None:
        paginator.count = count
    page = paginator.get_page(request.GET.get("page"))
    page.object_list = list(page.object_list)
    return page


def listed(page: Page, holdings: Holdings) -> list[Listed]:
    """The users of a page with the numbers of their VMs."""
    return [Listed(user, holdings.count(f"user:{user.get_username()}")) for user in page.object_list]


def part_or_page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Only the part that a search renews, for htmx; else the whole page."""
    part = f"_{name}" if request.htmx else name  # type: ignore[attr-defined]
    return render(request, f"desk/{part}.html", context)
