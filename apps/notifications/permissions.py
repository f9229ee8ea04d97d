"""Who may write to owners, and who may read what was written."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.clusters import fleet

View = Callable[..., HttpResponse]


def may_notify(user: Any) -> bool:
    """Superusers and the helpdesk, who see every VM and its owners."""
    return fleet.sees_everything(user)


def may_read_archive(user: Any) -> bool:
    """Superusers, and whoever has `notifications.can_view_notif`."""
    return user.is_active and user.has_perm("notifications.can_view_notif")


def only(test: Callable[[Any], bool]) -> Callable[[View], View]:
    """Lets only those in who pass `test`; who is not signed in is led to the sign-in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not test(request.user):
                raise PermissionDenied(_("Only the help desk and administrators may see this page."))
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return decorate
