"""What was written to owners, and to whom: a row for each person, so that each gets it once."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.looks import Status
from accounts.models import OutgoingMail
from accounts.retelling import retold


def new_token() -> str:
    return secrets.token_hex(16)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def counted(self) -> "NotificationQuerySet":
        """With how many people it goes to, and how many have it, or cannot be reached."""
        outcome = Recipient.Outcome
        return self.annotate(
            recipient_count=Count("recipients"),
            sent_count=Count("recipients", filter=Q(recipients__outcome=outcome.SENT)),
            failed_count=Count("recipients", filter=Q(recipients__outcome=outcome.FAILED)),
        ).order_by("-date", "-pk")


class Notification(models.Model):
    """A mail to owners, as it was typed. Its recipients are fixed when it is sent."""

    MAX_SUBJECT = 100
    MAX_MESSAGE = 10_000

    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("sender")
    )
    sender_name = models.CharField(_("sender's name"), max_length=150)
    subject = models.CharField(_("subject"), max_length=255)
    message = models.TextField(_("text"))
    date = models.DateTimeField(_("date"), default=timezone.now)
    chosen = models.JSONField(_("recipients chosen"), default=list)  # [{"kind", "text"}], as they read then
    # Comes from the form: the same form sent twice is one notification.
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-date", "-pk"]
        permissions = [("can_view_notif", "Can view notifications")]

    def __str__(self) -> str:
        return self.subject


class Recipient(models.Model):
    """One address of a notification, and what became of its mail."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("could not be sent")

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="recipients")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=150)  # stays when the account goes
    address = models.EmailField()
    instances = models.JSONField(default=list)  # [[cluster, name], ...]
    mail = models.ForeignKey(OutgoingMail, null=True, on_delete=models.SET_NULL, related_name="+")
    # Says that its mail was written, though the outbox forgets mails after a while: nobody gets a second one.
    written_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    error = models.TextField(blank=True)  # the mail server's own words

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["notification", "address"], name="one_mail_each")]
        indexes = [models.Index(fields=["outcome", "written_at"], name="recipients_under_way")]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"

    @property
    def words(self) -> str:
        """Why its mail could not be sent: the mail server's words, or ours retold."""
        return retold(self.error)

    @property
    def status(self) -> Status:
        """What became of its mail, as pages show it."""
        outcome = self.Outcome(self.outcome)
        icon, family = {
            self.Outcome.WAITING: ("hourglass-split", "work"),
            self.Outcome.SENT: ("check-circle-fill", "ok"),
            self.Outcome.FAILED: ("x-octagon-fill", "bad"),
        }[outcome]
        return Status(outcome.label, icon, family)
