"""Accounts that nobody has used for long."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from apps.desk import idle, owned, people
from apps.desk.forms import IdleForm
from apps.desk.owned import Holdings
from apps.desk.permissions import for_lookers, may_write_to_idle
from apps.desk.views.lists import listed, page_of, part_or_page

MOST_AT_ONCE = 500  # mails that one press of the button writes
MOST_OWNERS = 30_000  # names in one query of SQLite


@for_lookers
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def idle_accounts(request: HttpRequest) -> HttpResponse:
    """The list; posted to, it writes to those who are chosen, or to all that the list shows."""
    days = idle.notification_days()
    form = IdleForm(request.GET)
    found = form.apply(people.everybody().filter(idle.is_idle(days)))
    if form.owners_only:
        found = found.filter(username__in=sorted(owned.names_of_owners(request.user))[:MOST_OWNERS])
    if request.method == "POST":
        return _write(request, found, days)
    page = page_of(request, found)
    holdings = Holdings((f"user:{user.get_username()}" for user in page.object_list), request.user)
    rows = listed(page, holdings)
    due = User.objects.filter(idle.is_due(days), pk__in=[row.user.pk for row in rows])
    context = {
        "form": form,
        "page": page,
        "days": days,
        "is_filtered": form.is_narrowed,
        "holdings": holdings,
        "may_write": may_write_to_idle(request.user),
        "due": set(due.values_list("pk", flat=True)),
        "due_count": found.filter(idle.is_due(days)).count(),
        "most_at_once": MOST_AT_ONCE,
    }
    page.object_list = rows
    return part_or_page(request, "idle", context)


def _write(request: HttpRequest, found: QuerySet[User], days: int) -> HttpResponse:
    if not may_write_to_idle(request.user):
        raise PermissionDenied(_("You may look at idle accounts; only administrators write to them from here."))
    due = found.filter(idle.is_due(days))
    if "everybody" not in request.POST:
        due = due.filter(pk__in=_chosen(request))
    now = list(due.values_list("pk", flat=True)[:MOST_AT_ONCE])
    written = idle.write_to(User.objects.filter(pk__in=now), days, request)
    _tell(request, len(written), due.count())
    return redirect(request.get_full_path())


def _chosen(request: HttpRequest) -> list[int]:
    numbers = request.POST.getlist("account")
    return [int(number) for number in numbers if number.isascii() and number.isdigit() and len(number) < 19]


def _tell(request: HttpRequest, written: int, rest: int) -> None:
    if not written:
        messages.warning(request, _("Nobody was written to: choose accounts that have not been told lately."))
        return
    told = ngettext("A mail is on its way to %(n)s account.", "Mails are on their way to %(n)s accounts.", written)
    messages.success(request, told % {"n": written})
    if rest:
        more = ngettext("%(n)s account is left: press again.", "%(n)s accounts are left: press again.", rest)
        messages.warning(request, more % {"n": rest})
