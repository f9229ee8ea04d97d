from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.audit.models import AuditEntry


class EveryClusterAndNone(admin.AllValuesFieldListFilter):
    """Of Django's choices the one without a cluster has no word that could be read or clicked."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or _("no cluster")}


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    """To look, not to touch: nobody edits the log."""

    list_display = ["requester_name", "action", "instance", "cluster", "outcome", "job_id", "last_updated"]
    list_filter = [("cluster", EveryClusterAndNone), "action", "outcome", "last_updated"]
    search_fields = ["requester_name", "instance"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False
