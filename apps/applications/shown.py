"""An application as pages show it."""

from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.looks import Status, Text
from accounts.retelling import retold
from apps.applications import images
from apps.applications.models import ApplicationEvent, InstanceApplication
from apps.clusters import fleet, words
from apps.clusters.models import Job

S, K = InstanceApplication.Status, ApplicationEvent.Kind

OF_STATUS: dict[int, Status] = {
    S.PENDING: Status(
        pgettext_lazy("application", "Waiting for a decision"),
        "hourglass-split",
        "warn",
        _("An administrator reads it and decides. You get a mail then."),
    ),
    S.APPROVED: Status(
        pgettext_lazy("application", "Accepted"), "check-lg", "work", _("It is accepted; the VM will be made soon.")
    ),
    S.SUBMITTED: Status(
        pgettext_lazy("application", "Being created"),
        "arrow-repeat",
        "work",
        _("It is accepted, and the VM is being made now. You get a mail when it is ready."),
    ),
    S.FAILED: Status(
        pgettext_lazy("application", "Creation failed"),
        "x-octagon-fill",
        "bad",
        _("It is accepted, but the VM could not be made yet. The administrators know and see to it."),
    ),
    S.SUCCESS: Status(
        pgettext_lazy("application", "Created"), "check-circle-fill", "ok", _("It was accepted, and the VM is made.")
    ),
    S.REFUSED: Status(
        pgettext_lazy("application", "Rejected"),
        "x-lg",
        "bad",
        _("The administrators rejected it. You can change it and send it again."),
    ),
    S.DISCARDED: Status(
        pgettext_lazy("application", "Discarded"), "slash-circle", "idle", _("The administrators put it away.")
    ),
    S.WITHDRAWN: Status(
        pgettext_lazy("application", "Withdrawn"),
        "slash-circle",
        "idle",
        _("You withdrew it. You can change it and send it again."),
    ),
}
# What a reviewer has to do something about is told as such.
STUCK = Status(pgettext_lazy("application", "Accepted, not with Ganeti yet"), "exclamation-triangle-fill", "warn")
OF_EVENT = {
    K.FILED: "inbox",
    K.CHANGED: "pencil",
    K.QUESTION: "question-circle",
    K.ANSWER: "chat-left-text",
    K.APPROVED: "check-lg",
    K.REFUSED: "x-lg",
    K.DISCARDED: "slash-circle",
    K.WITHDRAWN: "slash-circle",
    K.SUBMITTED: "arrow-repeat",
    K.FAILED: "x-octagon-fill",
    K.SUCCESS: "check-circle-fill",
}


def with_last_word(rows: QuerySet[InstanceApplication]) -> QuerySet[InstanceApplication]:
    """The rows, which know whether the last that was said is a question or an answer: one query for all of them."""
    said = ApplicationEvent.objects.filter(application=OuterRef("pk"), kind__in=(K.QUESTION, K.ANSWER))
    return rows.annotate(last_word=Subquery(said.order_by("-pk").values("kind")[:1]))


class ShownApplication:
    """Hands through the row's fields and adds the words for them. `for_reviewers` reads what is to be done."""

    def __init__(self, application: InstanceApplication, *, for_reviewers: bool = False) -> None:
        self.row = application
        self.for_reviewers = for_reviewers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)

    @property
    def status(self) -> Status:
        if self.for_reviewers and self.row.status == S.APPROVED and not self.row.creation_is_due:
            return STUCK
        return OF_STATUS[self.row.status]

    @property
    def family(self) -> str:
        """Of the notice that explains where it stands: only what went wrong is coloured."""
        return "bad" if self.status.family == "bad" else ""

    @cached_property
    def system(self) -> str:
        image = images.catalogue().get(self.row.operating_system)
        return image.description if image else self.row.operating_system

    @property
    def words(self) -> str:
        """Ganeti's words, or ours retold, for those who decide: they may name machines and what scripts printed."""
        return retold(self.row.backend_message) if self.for_reviewers else ""

    @property
    def has_failed(self) -> bool:
        return self.row.status == S.FAILED

    @property
    def may_be_withdrawn(self) -> bool:
        return self.row.status == S.PENDING

    # ---- the creation -----------------------------------------------------------------------------------------

    @property
    def work(self) -> Job | None:
        """The creation that is under way."""
        job = self.row.job
        return job if job is not None and job.is_unfinished else None

    @property
    def work_status(self) -> Status | None:
        return words.of_job(self.work) if self.work else None

    @cached_property
    def made(self) -> dict[str, Any] | None:
        """The VM that came of it: name, and address of its page; without one where it is gone since."""
        job = self.row.job
        if self.row.status != S.SUCCESS or job is None:
            return None
        url = reverse("instance-detail", args=[job.cluster.slug, job.instance])
        try:
            is_gone = fleet.find(job.cluster.slug, job.instance) is None
        except fleet.NothingKnown:
            is_gone = False
        return {"name": job.instance, "url": "" if is_gone else url}

    # ---- what was said ----------------------------------------------------------------------------------------

    @cached_property
    def events(self) -> list[ApplicationEvent]:
        return list(self.row.events.all())

    @property
    def story(self) -> list[dict[str, Any]]:
        return [
            {
                "at": event.at,
                "who": event.by_name,
                "what": event.get_kind_display(),
                "text": retold(event.text) if self.for_reviewers or not event.is_internal else "",
                "icon": OF_EVENT.get(K(event.kind), "clock-history"),
            }
            for event in self.events
        ]

    @property
    def question(self) -> ApplicationEvent | None:
        """What the applicant was asked and has not answered."""
        said = [event for event in self.events if event.kind in (K.QUESTION, K.ANSWER)]
        is_open = bool(said) and said[-1].kind == K.QUESTION and self.row.status in InstanceApplication.ON_THEIR_WAY
        return said[-1] if is_open else None

    @property
    def talk(self) -> Text:
        """In a list: whose turn it is where something was asked. The row comes from `with_last_word`."""
        if self.row.status not in InstanceApplication.FOR_ADMINISTRATORS:
            return ""
        said: dict[str, Text] = {K.QUESTION: _("question not answered yet"), K.ANSWER: _("question answered")}
        return said.get(getattr(self.row, "last_word", ""), "")
