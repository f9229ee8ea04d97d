"""Clusters, their hand-kept networks and the renaming of owners in Django's admin."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.administering import ToldAdmin
from accounts.ownership import NotKnown
from accounts.retelling import retold
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters import renaming
from apps.clusters.checkup import examine
from apps.clusters.models import Cluster, Job, Network, Renaming


class ClusterForm(forms.ModelForm):
    """Never shows the stored password: an empty field keeps it."""

    new_password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave it empty to keep the present one. It is stored encrypted and never shown."),
    )

    class Meta:
        model = Cluster
        fields = [
            "hostname",
            "port",
            "slug",
            "description",
            "username",
            "verification",
            "ca_file",
            "fingerprint",
            "use_gnt_network",
            "fast_create",
            "disable_instance_creation",
            "disabled",
        ]

    def save(self, commit: bool = True) -> Cluster:
        if self.cleaned_data.get("new_password"):
            self.instance.password = self.cleaned_data["new_password"]
        return super().save(commit)


@admin.register(Cluster)
class ClusterAdmin(ToldAdmin):
    form = ClusterForm
    added, changed, deleted = events.CLUSTER_ADDED, events.CLUSTER_CHANGED, events.CLUSTER_REMOVED
    list_display = ["slug", "hostname", "description", "verification", "disable_instance_creation", "disabled"]
    list_editable = ["disabled"]
    search_fields = ["hostname", "slug", "description"]
    prepopulated_fields = {"slug": ["hostname"]}
    actions = ["test_connection", "enable", "disable"]
    fieldsets = [
        (None, {"fields": ["hostname", "port", "slug", "description"]}),
        (_("Remote API"), {"fields": ["username", "new_password", "verification", "ca_file", "fingerprint"]}),
        (_("Use"), {"fields": ["use_gnt_network", "fast_create", "disable_instance_creation", "disabled"]}),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Cluster | None = None) -> bool:
        """Not while jobs of ours are under way: nobody would ever hear how they end."""
        is_busy = obj is not None and Job.objects.unfinished().filter(cluster=obj).exists()
        return super().has_delete_permission(request, obj) and not is_busy

    @admin.action(description=_("Test the connection"))
    def test_connection(self, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
        for cluster in queryset[:10]:
            self._tell(request, cluster)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
        self._switch(request, queryset, disabled=False)

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
        self._switch(request, queryset, disabled=True)

    @transaction.atomic
    def _switch(self, request: HttpRequest, queryset: QuerySet[Cluster], disabled: bool) -> None:
        others = queryset.exclude(disabled=disabled)
        for cluster in others:
            self.tell(request, events.CLUSTER_DISABLED if disabled else events.CLUSTER_ENABLED, cluster)
        others.update(disabled=disabled)

    def tell(self, request: HttpRequest, event: str, obj: Cluster, detail: str = "") -> None:
        done = AuditEntry.Outcome.SUCCEEDED
        audit.record(Actor.of(request), event, cluster=obj.slug, detail=detail or obj.hostname, outcome=done)

    def tell_changed(self, request: HttpRequest, obj: Cluster, form: Any) -> None:
        """What each field was and is; of the password only that it is another."""
        changes = [_change(form, name) for name in form.changed_data if name != "disabled"]
        if "disabled" in form.changed_data:
            self.tell(request, events.CLUSTER_DISABLED if obj.disabled else events.CLUSTER_ENABLED, obj)
        if changes:
            self.tell(request, self.changed, obj, ", ".join(changes))

    def response_add(self, request: HttpRequest, obj: Cluster, *args: Any, **kwargs: Any) -> Any:
        self._tell(request, obj)
        return super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Cluster, *args: Any, **kwargs: Any) -> Any:
        self._tell(request, obj)
        return super().response_change(request, obj, *args, **kwargs)

    def _tell(self, request: HttpRequest, cluster: Cluster) -> None:
        """Says in words how the cluster answers with what is stored now."""
        for finding in examine(cluster):
            level = messages.SUCCESS if finding.fine else messages.WARNING
            messages.add_message(request, level, f"{cluster.slug}: {finding.sentence}")


def _change(form: Any, name: str) -> str:
    if name == "new_password":
        return "password"
    return f"{name}: {form.initial.get(name)} → {form.cleaned_data[name]}"


@admin.register(Network)
class NetworkAdmin(ToldAdmin):
    added, changed, deleted = events.NETWORK_ADDED, events.NETWORK_CHANGED, events.NETWORK_REMOVED
    list_display = ["description", "cluster", "cluster_default", "mode", "link"]
    list_filter = ["cluster"]
    search_fields = ["description", "link"]
    autocomplete_fields = ["groups"]

    def tell(self, request: HttpRequest, event: str, obj: Network, detail: str = "") -> None:
        told = f"{obj.description}: {detail}" if detail else obj.description
        done = AuditEntry.Outcome.SUCCEEDED
        audit.record(Actor.of(request), event, cluster=obj.cluster.slug, detail=told, outcome=done)


@admin.register(Renaming)
class RenamingAdmin(admin.ModelAdmin):
    """How far tags are rewritten for users and groups that were renamed, and what keeps them; to look, and to help."""

    list_display = ["kind", "old", "new", "progress", "asked_by_name", "created", "ended"]
    list_display_links = ["old"]
    list_filter = ["kind", ("holds", admin.EmptyFieldListFilter)]
    list_per_page = 50
    search_fields = ["old", "new"]
    fields = ["kind", "old", "new", "progress", "waits_for", "failures", "asked_by_name", "created", "ended"]
    readonly_fields = ["progress", "waits_for", "failures"]
    actions = ["try_again", "give_up"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Renaming | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Renaming | None = None) -> bool:
        return False

    def has_help_permission(self, request: HttpRequest) -> bool:
        """Whoever may rename may also see to it that it comes to an end."""
        return request.user.has_perm("auth.change_user") and request.user.has_perm("auth.change_group")

    @admin.display(description=_("state"))
    def progress(self, row: Renaming) -> str:
        if not row.is_unfinished:
            return (
                gettext("given up: %(vms)s") % {"vms": "; ".join(row.left_over)} if row.left_over else gettext("done")
            )
        try:
            left = renaming.Standing(row).left_count
        except NotKnown as error:
            return str(error)
        if not left:
            return gettext("no VM with the old name is known; waiting for all clusters to answer")
        words = ngettext(
            "%(left)s VM has the old name still (of %(all)s at the beginning)",
            "%(left)s VMs have the old name still (of %(all)s at the beginning)",
            left,
        )
        return words % {"left": left, "all": row.vm_count}

    @admin.display(description=_("has to answer first"))
    def waits_for(self, row: Renaming) -> str:
        if not row.is_unfinished:
            return "–"
        try:
            return ", ".join(view.slug for view in renaming.Standing(row).awaited) or "–"
        except NotKnown as error:
            return str(error)

    @admin.display(description=_("what went wrong"))
    def failures(self, row: Renaming) -> str:
        """The jobs that did not succeed, newest first, and which VMs wait for an administrator."""
        failed = row.jobs.filter(holds__isnull=True).exclude(state=Job.State.SUCCEEDED).select_related("cluster")[:50]
        lines = [(job.cluster.slug, job.instance, job.get_kind_display(), retold(job.error)) for job in failed]
        lines += [("", "", "", sentence) for sentence in self._stuck(row)]
        return format_html_join("", "<p>{} {} {} {}</p>", lines) or "–"

    def _stuck(self, row: Renaming) -> list[str]:
        try:
            stuck = list(renaming.Standing(row).stuck()) if row.is_unfinished else []
        except NotKnown:
            return []
        names = ", ".join(f"{view.slug}: {instance.name}" for view, instance in stuck)
        words = gettext("Tried too often, and now left alone until you choose “%(action)s” in the list: %(vms)s.")
        return [words % {"action": gettext("Try the failed steps again"), "vms": names}] if stuck else []

    @admin.action(description=_("Try the failed steps again"), permissions=["help"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Renaming]) -> None:
        self._for_each(request, queryset, renaming.try_anew, events.RENAMING_RETRIED)

    @admin.action(description=_("Give up: what is left keeps the old name only"), permissions=["help"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Renaming]) -> HttpResponse | None:
        """Asks first: owners lose sight of VMs by it."""
        if "sure" in request.POST:
            self._for_each(request, queryset, renaming.give_up, events.RENAMING_GIVEN_UP)
            return None
        rows = [(row, self.progress(row)) for row in queryset.filter(holds__isnull=False)]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Give up"),
            "opts": self.opts,
            "rows": rows,
        }
        return TemplateResponse(request, "admin/owners/give_up.html", context)

    def _for_each(
        self, request: HttpRequest, rows: QuerySet[Renaming], deed: Callable[[Renaming], None], event: str
    ) -> None:
        for row in list(rows.filter(holds__isnull=False)):
            try:
                with transaction.atomic():
                    deed(row)
                    how = AuditEntry.Outcome.SUCCEEDED
                    audit.record(Actor.of(request), event, person=row.new, detail=f"{row.old} → {row.new}", outcome=how)
            except NotKnown as error:
                messages.error(request, f"{row}: {error}")
            else:
                messages.success(request, f"{row}: {events.words(event)}")
