"""The outbox in Django's admin: to look, and to try again."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import deeds, sending
from accounts.models import OutgoingMail


@admin.register(OutgoingMail)
class OutgoingMailAdmin(admin.ModelAdmin):
    """Nobody edits a mail, and nobody reads one: links in it are the recipient's."""

    list_display = ["state", "occasion", "recipient", "subject", "tries", "next_try_at", "error", "created"]
    list_filter = ["state", "occasion", "created"]
    search_fields = ["recipient", "subject"]
    fields = [
        "state",
        "occasion",
        "recipient",
        "user",
        "reply_to",
        "subject",
        "language",
        "created",
        "tries",
        "next_try_at",
        "last_error",
        "sent_at",
    ]
    actions = ["try_again"]
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Not by the text: whether a filter finds a mail tells letter by letter what is in it."""
        is_open = lookup.split("__")[0] in {"state", "occasion", "created", "user", "id"}
        return is_open and super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("last error"))
    def error(self, mail: OutgoingMail) -> str:
        return truncatechars(mail.last_error, 80)

    @admin.action(description=_("Try again now"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        with transaction.atomic():
            count = sending.try_again(queryset)
            if count:
                deeds.tell(deeds.MAIL_RETRIED, request, detail=f"mails: {count}")
        told = ngettext("%(count)d mail leaves soon.", "%(count)d mails leave soon.", count) % {"count": count}
        self.message_user(request, told)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_outgoingmail")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        return False
