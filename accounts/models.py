"""What is known about people beside Django's own user: profile, organisation, SSH keys, and mail that goes to them."""

import datetime
import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.fields import EncryptedTextField


class Organization(models.Model):
    """Whom people belong to; `tag` is what instances of it carry in Ganeti."""

    title = models.CharField(_("title"), max_length=255)
    website = models.URLField(_("website"), blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    tag = models.SlugField(_("tag"), max_length=100, blank=True)
    phone = models.CharField(_("telephone"), max_length=64, blank=True)
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="organizations", verbose_name=_("people")
    )

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class UserProfile(models.Model):
    """What the site knows about a user beyond Django's own fields. Every user has one, see profiles.py."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile", verbose_name=_("user")
    )
    first_login = models.BooleanField(_("has not signed in yet"), default=True)
    # Sessions that began before this moment are over.
    force_logout_date = models.DateTimeField(_("signed out everywhere at"), null=True, blank=True)
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("organisation")
    )
    telephone = models.CharField(_("telephone"), max_length=32, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=63, blank=True)
    theme = models.CharField(_("theme"), max_length=5, blank=True)
    idle_notice_sent = models.DateTimeField(_("asked whether it is still needed"), null=True, blank=True)

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        permissions = [("approve_registrations", _("Can approve and refuse registrations"))]

    def __str__(self) -> str:
        return self.user.get_username()


class SshPublicKey(models.Model):
    """A key that goes into the VMs of its owner when they are made."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ssh_keys", verbose_name=_("owner")
    )
    key_type = models.CharField(_("type"), max_length=64)
    key = models.TextField(_("key"))  # base64, without type and comment
    comment = models.CharField(_("comment"), max_length=255, blank=True)
    fingerprint = models.CharField("SHA256", max_length=64)  # as ssh-keygen -l writes it
    fingerprint_md5 = models.CharField("MD5", max_length=64)
    added = models.DateTimeField(_("added"), default=timezone.now)

    class Meta:
        verbose_name = _("SSH key")
        verbose_name_plural = _("SSH keys")
        ordering = ["added", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "fingerprint"], name="a_key_once_per_person")]

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"

    @property
    def line(self) -> str:
        """As it stands in authorized_keys."""
        return f"{self.key_type} {self.key} {self.comment}".strip()


def new_key() -> str:
    """A secret for a link in a mail."""
    return secrets.token_urlsafe(32)


class EmailChange(models.Model):
    """A new address that has yet to prove itself; one at a time for each user."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="email_change")
    email = models.EmailField()
    key = models.CharField(max_length=64, unique=True, default=new_key)
    asked = models.DateTimeField(default=timezone.now)


def new_token() -> str:
    return secrets.token_hex(16)


class OutgoingMail(models.Model):
    """A mail that has to leave: written in the transaction of what it tells, sent by the watcher. See outbox.py."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("given up")

    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    occasion = models.CharField(_("occasion"), max_length=60)  # the template's name
    recipient = models.EmailField(_("to"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    reply_to = models.EmailField(_("reply to"), blank=True)
    subject = models.CharField(_("subject"), max_length=255)
    text = models.TextField(_("text"), blank=True)  # emptied once sent: it may hold links that open doors
    language = models.CharField(_("language"), max_length=10)
    token = models.CharField(
        max_length=32, unique=True, default=new_token
    )  # its Message-ID: a second copy is known as one
    tries = models.PositiveIntegerField(_("tries"), default=0)
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)
    created = models.DateTimeField(_("written"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mails")
        ordering = ["-created", "-pk"]
        indexes = [models.Index(fields=["state", "next_try_at"], name="outbox_due")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.recipient}"


class Authenticator(models.Model):
    """The app whose codes somebody owes after the password; there is one only while that is switched on.

    Not django-otp's own device: that keeps its secret in the clear and shows it in the admin. See second_factor.py.
    """

    MOST_DOUBLINGS = 11  # of the pause after a wrong code, which begins with a second: half an hour

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator")
    secret = EncryptedTextField()  # base32, as apps want it
    created = models.DateTimeField(default=timezone.now)
    last_used = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=-1)  # the half minute whose code came last: each is taken once
    wrong_codes = models.PositiveIntegerField(default=0)  # since the last right one
    last_wrong = models.DateTimeField(null=True)

    @property
    def paused_until(self) -> datetime.datetime | None:
        """Until when no code is taken, because the last ones were wrong."""
        if not self.wrong_codes or self.last_wrong is None:
            return None
        return self.last_wrong + datetime.timedelta(seconds=2 ** min(self.wrong_codes - 1, self.MOST_DOUBLINGS))


class RecoveryCode(models.Model):
    """Opens the door once when the app is gone. Only a digest is kept: codes are long enough that nobody guesses."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="a_recovery_code_once_per_person")]


class NewsFeed(models.Model):
    """What the site's news feed said last: fetched by the watcher, read by the sign-in page. See feed.py."""

    url = models.URLField(max_length=500)
    items = models.JSONField(default=list)  # {"title", "link", "text", "date"}, the newest first
    fetched = models.DateTimeField(_("fetched"), null=True)
