"""Who may ask for VMs, see applications and decide them. The only place with such rules."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from apps.applications.models import InstanceApplication


def may_see_all(user: Any) -> bool:
    """Reviewers, and those who may look at applications."""
    return user.is_active and (user.has_perm("apply.view_applications") or may_review(user))


def may_review(user: Any) -> bool:
    """Accepts, rejects, edits, creates directly."""
    return user.is_active and user.has_perm("apply.change_instanceapplication")


def may_see(user: Any, application: InstanceApplication) -> bool:
    return may_see_all(user) or (user.is_active and application.applicant_id == user.pk)


def application_or_404(user: Any, pk: int) -> InstanceApplication:
    """The application, for its applicant and for those who see all; to others there is none (Http404)."""
    rows = InstanceApplication.objects.select_related(
        "applicant", "organization", "reviewer", "cluster", "job", "dry_run"
    )
    application = rows.filter(pk=pk).first()
    if application is None or not may_see(user, application):
        raise Http404(_("There is no such application, or it is not yours."))
    return application


def own_application_or_404(user: Any, pk: int) -> InstanceApplication:
    """The application, for its applicant alone."""
    application = application_or_404(user, pk)
    if application.applicant_id != user.pk:
        raise PermissionDenied(_("Only its applicant may do this."))
    return application


def application_for_review(user: Any, pk: int) -> InstanceApplication:
    """The application, for those who may decide it; PermissionDenied for those who may only look."""
    application = application_or_404(user, pk)
    if not may_review(user):
        raise PermissionDenied(_("You may look at this application, but not decide it."))
    return application
