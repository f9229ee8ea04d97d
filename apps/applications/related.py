"""The application that a VM came from, for its page and pop-up: a tag names it."""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.applications.models import InstanceApplication
from apps.applications.permissions import may_review, may_see
from apps.clusters.fleet import Vm, sees_everything
from apps.clusters.related import Fact


def of_vm(user: Any, vm: Vm) -> Iterator[Fact]:
    """The application with the way to it for those who may see it, and its contact; the helpdesk has both to read."""
    if vm.tags.application is None:
        return
    row = InstanceApplication.objects.filter(pk=vm.tags.application).first()
    if row is None or not (may_see(user, row) or sees_everything(user)):
        return
    page = "application-review" if may_review(user) else "application-detail"
    url = reverse(page, args=[row.pk]) if may_see(user, row) else ""
    yield Fact(_("Application"), f"{row.pk}, {row.hostname}", url)
    contact = ", ".join(filter(None, [row.admin_contact_name, row.admin_contact_phone, row.admin_contact_email]))
    if contact:
        yield Fact(_("Contact"), contact)
