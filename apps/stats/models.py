"""What there was on each day: the inventory knows only what is now."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DailyCount(models.Model):
    """A cluster's instances as they were last seen on a day (UTC). The slug stays when the cluster goes."""

    day = models.DateField(_("day"))
    cluster = models.CharField(_("cluster"), max_length=50)
    running = models.PositiveIntegerField(_("running"), default=0)
    stopped = models.PositiveIntegerField(_("stopped"), default=0)
    attention = models.PositiveIntegerField(_("need attention"), default=0)
    vcpus = models.PositiveIntegerField(_("vCPUs"), default=0)
    memory = models.PositiveBigIntegerField(_("memory (MiB)"), default=0)
    disk = models.PositiveBigIntegerField(_("disk (MiB)"), default=0)

    class Meta:
        verbose_name = _("daily count")
        verbose_name_plural = _("daily counts")
        ordering = ["-day", "cluster"]
        constraints = [models.UniqueConstraint(fields=["day", "cluster"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.cluster}"
