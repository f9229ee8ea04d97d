"""Who may use the desk's pages. Everybody else gets a 403 whatever the address says: names are not given away."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.clusters import fleet

View = Callable[..., HttpResponse]


def may_look(user: Any) -> bool:
    """Superusers and the helpdesk, who see every VM, see everybody too."""
    return fleet.sees_everything(user)


def may_write_to_idle(user: Any) -> bool:
    return user.is_active and user.is_superuser


def for_lookers(view: View) -> View:
    """Lets only those in who may look; who is not signed in is led to the sign-in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_look(request.user):
            raise PermissionDenied(_("Only the help desk and administrators may see this page."))
        return view(request, *args, **kwargs)

    return login_required(guarded)
