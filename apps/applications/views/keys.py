"""The address under which a new VM fetches its owner's SSH keys."""

import datetime
import secrets

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.applications.models import InstanceApplication


@require_safe
@never_cache
def ssh_keys(request: HttpRequest, application_id: int, cookie: str) -> HttpResponse:
    """The applicant's keys, one a line, for whoever knows the cookie, for as long as the site allows."""
    application = InstanceApplication.objects.select_related("applicant").filter(pk=application_id).first()
    expected = application.cookie if application else secrets.token_hex(20)
    is_right = secrets.compare_digest(cookie.encode(), expected.encode())
    if application is None or not is_right or _is_over(application) or not application.applicant.is_active:
        raise PermissionDenied(_("This address does not answer any more."))
    lines = "".join(f"{key.line}\n" for key in application.applicant.ssh_keys.all())
    return HttpResponse(lines, content_type="text/plain; charset=utf-8")


def _is_over(application: InstanceApplication) -> bool:
    days = settings.APPLICATION_KEYS_DAYS
    return bool(days) and application.last_updated < timezone.now() - datetime.timedelta(days=days)
