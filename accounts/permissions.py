"""Who may do what to other people's accounts. The only place with such rules: views and pages ask here."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

View = Callable[..., HttpResponse]


def only(test: Callable[[Any], bool]) -> Callable[[View], View]:
    """A decorator for pages of the help desk and administrators: lets only those in who pass `test`.

    Who is not signed in is led to the sign-in; everybody else gets a 403 whatever the address says.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not test(request.user):
                raise PermissionDenied(_("Only the help desk and administrators may see this page."))
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return decorate


def may_decide_registrations(user: Any) -> bool:
    """Superusers, and who holds the permission, approve and refuse those who wait."""
    return user.is_active and user.has_perm("accounts.approve_registrations")


def deciders_only(user: Any) -> None:
    """PermissionDenied for everybody else."""
    if not may_decide_registrations(user):
        raise PermissionDenied(_("You may not decide about registrations."))
