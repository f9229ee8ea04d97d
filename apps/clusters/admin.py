"""Clusters and their hand-kept networks in Django's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.clusters.checkup import examine
from apps.clusters.models import Cluster, Network


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
class ClusterAdmin(admin.ModelAdmin):
    form = ClusterForm
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

    @admin.action(description=_("Test the connection"))
    def test_connection(self, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
        for cluster in queryset[:10]:
            self._tell(request, cluster)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
        queryset.update(disabled=False)

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
        queryset.update(disabled=True)

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


@admin.register(Network)
class NetworkAdmin(admin.ModelAdmin):
    list_display = ["description", "cluster", "cluster_default", "mode", "link"]
    list_filter = ["cluster"]
    search_fields = ["description", "link"]
    filter_horizontal = ["groups"]
