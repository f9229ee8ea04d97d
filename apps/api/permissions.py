"""Who may register programs and change them. Everybody sees and changes their own, superusers all."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from oauth2_provider.models import get_application_model

View = Callable[..., HttpResponse]


def while_enabled(view: View) -> View:
    """A decorator for all pages of this room: a site without OAuth2 has none of them."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.OAUTH_ENABLED:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def may_register(user: Any) -> bool:
    """Superusers and who holds the permission; everybody, where the site wants it as in ganetimgr 2.x."""
    return user.is_active and (settings.OAUTH_EVERYBODY_REGISTERS or user.has_perm("oauth2_provider.add_application"))


def registrars_only(user: Any) -> None:
    """PermissionDenied for everybody else."""
    if not may_register(user):
        raise PermissionDenied(_("Administrators decide here who may register programs."))


def may_allow_implicit(user: Any) -> bool:
    """The implicit grant hands tokens out in addresses: a superuser has to want it for a program."""
    return bool(settings.OAUTH_IMPLICIT_GRANT and user.is_active and user.is_superuser)


def programs_of(user: Any) -> QuerySet[Any]:
    """The programs that `user` may see and change."""
    programs = get_application_model().objects.select_related("user").order_by("name", "pk")
    return programs if user.is_active and user.is_superuser else programs.filter(user=user)


def program_or_404(user: Any, pk: int) -> Any:
    return get_object_or_404(programs_of(user), pk=pk)
