"""The search over everything: a page, and what stands below the box in the top bar while somebody types."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.desk.search import Query
from apps.desk.search_sources import Asked, find


@login_required
@require_safe
@vary_on_headers("HX-Request")
def search(request: HttpRequest) -> HttpResponse:
    """Whatever the reader may see and `q` finds; for htmx the first few of each kind.

    With `go`, which the box sends along, what has just this name or address is led to, if it is the only one: the
    address of this page without it always shows the page.
    """
    is_typing = bool(request.htmx)  # type: ignore[attr-defined]
    found = find(Asked(Query(request.GET.get("q", "")), request.user, is_typing))
    if "go" in request.GET and not is_typing and found.meant:
        return redirect(found.meant.url)
    return render(request, "desk/_search.html" if is_typing else "desk/search.html", {"found": found})
