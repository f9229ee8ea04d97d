"""An audit entry as one person reads it."""

import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts import deeds
from accounts.looks import Status
from accounts.retelling import retold
from apps.audit import events, scopes
from apps.audit.models import AuditEntry

OUTCOMES = {
    AuditEntry.Outcome.PENDING: ("arrow-repeat", "work"),
    AuditEntry.Outcome.SUCCEEDED: ("check-circle-fill", "ok"),
    AuditEntry.Outcome.FAILED: ("x-octagon-fill", "bad"),
    AuditEntry.Outcome.CANCELED: ("slash-circle", "idle"),
    AuditEntry.Outcome.UNKNOWN: ("question-circle", "warn"),
    AuditEntry.Outcome.REFUSED: ("x-octagon-fill", "bad"),
    AuditEntry.Outcome.UNRECORDED: ("dash-circle", "idle"),
}


ABOUT_GROUPS = {deeds.GROUP_MADE, deeds.GROUP_CHANGED, deeds.GROUP_DELETED, deeds.GROUP_RENAMED}
ABOUT_EITHER = {events.RENAMING_RETRIED, events.RENAMING_GIVEN_UP}


class ShownEntry:
    """Addresses are for staff and about oneself; everything else is for everybody who sees the entry."""

    def __init__(self, entry: AuditEntry, reader: Any, sees_everything: bool) -> None:
        self._entry = entry
        self._reader = reader
        self._is_mine = entry.requester_id == reader.pk
        self._sees_addresses = self._is_mine or sees_everything
        self.account = entry.requester_name if sees_everything else ""  # whose page the name leads to
        self.instance = entry.instance
        self.person = entry.person if entry.person != entry.requester_name else ""
        self.person_kind = _kind_of_person(entry.action) if sees_everything else ""  # whose page that name leads to
        self.cluster = entry.cluster
        self.job_id = entry.job_id
        self.application = entry.application
        self._sees_everything = sees_everything
        self.note = retold(entry.detail)

    @property
    def when(self) -> datetime.datetime:
        return self._entry.recorded

    @property
    def who(self) -> str:
        return _("you") if self._is_mine else self._entry.requester_name

    @property
    def what(self) -> str | Promise:
        return events.words(self._entry.action)

    @property
    def address(self) -> str:
        return (self._entry.ipaddress or "") if self._sees_addresses else ""

    @property
    def status(self) -> Status:
        icon, family = OUTCOMES[AuditEntry.Outcome(self._entry.outcome)]
        return Status(self._entry.get_outcome_display(), icon, family)

    @property
    def request_id(self) -> str:
        return self._entry.request_id if self._sees_addresses else ""

    @property
    def application_url(self) -> str:
        """The application's page; empty where there is none, or none that the reader may open."""
        if self.application is None or not (self._is_mine or scopes.opens_applications(self._reader)):
            return ""
        return reverse("application-detail", args=[self.application])

    @property
    def job_url(self) -> str:
        """The page of its job; empty where there is none, or none for this reader."""
        if not self._sees_everything or self.job_id is None or not self.cluster:
            return ""
        return reverse("job-detail", args=[self.cluster, self.job_id])

    @property
    def url(self) -> str:
        """The instance's page; empty where the entry names none, or none that an address can carry."""
        try:
            return reverse("instance-detail", args=[self.cluster, self.instance])
        except NoReverseMatch:
            return ""


def _kind_of_person(action: str) -> str:
    """Whether an entry's person is a "user" or a "group"; empty where the event does not tell."""
    if action in ABOUT_EITHER:
        return ""
    return "group" if action in ABOUT_GROUPS else "user"
