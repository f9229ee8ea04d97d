from django.contrib import admin
from django.http import HttpRequest

from apps.audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    """To look, not to touch: nobody edits the log."""

    list_display = ["requester_name", "action", "instance", "cluster", "outcome", "job_id", "last_updated"]
    list_filter = ["cluster", "action", "outcome", "last_updated"]
    search_fields = ["requester_name", "instance"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False
