"""Applications and listings of images in Django's admin: to look for old ones, and to see why images are missing.

Applications are decided on the site's own pages, which mail, audit and hand over to Ganeti; nothing here goes past
them. No page here lists all users.
"""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.contrib.admin import RelatedOnlyFieldListFilter
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, ngettext

from accounts.retelling import retold
from apps.applications import images
from apps.applications.models import ApplicationEvent, ImageListing, InstanceApplication
from apps.audit import events
from apps.audit import models as audit
from apps.audit.models import Actor, AuditEntry
from apps.clusters.models import Job


@admin.register(InstanceApplication)
class InstanceApplicationAdmin(admin.ModelAdmin):
    """To look at, and to correct who answers for a VM. What counts for creating it is changed by a review."""

    list_display = ["hostname", "applicant", "organization", "cluster", "status", "filed"]
    list_filter = ["status", ("organization", RelatedOnlyFieldListFilter), ("cluster", RelatedOnlyFieldListFilter)]
    list_per_page = 50
    show_full_result_count = False
    date_hierarchy = "filed"
    search_fields = ["hostname", "applicant__username", "organization__title"]
    autocomplete_fields = ["organization"]
    fieldsets = [
        (None, {"fields": ["hostname", "applicant", "status", "page", "filed", "last_updated"]}),
        (
            gettext_lazy("What is asked for"),
            {
                "fields": [
                    *("memory", "vcpus", "disk_size", "operating_system", "hosts_mail_server", "wanted_network"),
                    "comments",
                ]
            },
        ),
        (
            gettext_lazy("Who answers for it"),
            {"fields": ["organization", "admin_contact_name", "admin_contact_email", "admin_contact_phone"]},
        ),
        (
            gettext_lazy("Decision and creation"),
            {"fields": ["reviewer", "admin_comments", "cluster", "placement", "ganeti_job", "message"]},
        ),
    ]
    readonly_fields = [
        *("hostname", "applicant", "status", "page", "filed", "last_updated", "memory", "vcpus", "disk_size"),
        *("operating_system", "hosts_mail_server", "wanted_network", "reviewer", "admin_comments", "cluster"),
        *("placement", "ganeti_job", "message"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[InstanceApplication]:
        with_names = ("applicant", "organization", "cluster", "job__cluster", "reviewer", "wanted_network")
        return super().get_queryset(request).select_related(*with_names)

    @admin.display(description=gettext_lazy("page"))
    def page(self, application: InstanceApplication) -> str:
        name = "application-review" if application.is_waiting else "application-detail"
        address = reverse(name, args=[application.pk])
        return format_html('<a href="{}">{}</a>', address, address)

    @admin.display(description=gettext_lazy("placement"))
    def placement(self, application: InstanceApplication) -> str:
        return ", ".join(f"{name}: {value}" for name, value in application.instance_params.items() if value) or "–"

    @admin.display(description=gettext_lazy("Ganeti's job"))
    def ganeti_job(self, application: InstanceApplication) -> str:
        job: Job | None = application.job
        return f"{job.cluster.slug}: {job.job_id or '?'} ({job.get_state_display()})" if job else "–"

    @admin.display(description=gettext_lazy("in Ganeti's words"))
    def message(self, application: InstanceApplication) -> str:
        return retold(application.backend_message) or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: InstanceApplication | None = None) -> bool:
        """One by one, and none that is on its way: its VM would have nobody who waits for it."""
        is_over = obj is not None and obj.holds is None
        return is_over and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: InstanceApplication, form: Any, change: bool) -> None:
        """Only what was changed here: the application may have moved on since the page was opened."""
        if not form.changed_data:
            return
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        rows = InstanceApplication.objects.filter(pk=obj.pk)
        rows.update(version=F("version") + 1, last_updated=timezone.now(), **changed)
        names = ", ".join(str(form.fields[name].label) for name in changed)
        ApplicationEvent.objects.create(
            application=obj,
            kind=ApplicationEvent.Kind.CHANGED,
            by_id=request.user.pk,
            by_name=str(request.user),
            text=names,
        )
        self._audit(request, events.APPLICATION_CHANGED, obj, names)

    def delete_model(self, request: HttpRequest, obj: InstanceApplication) -> None:
        self._audit(request, events.APPLICATION_DELETED, obj)
        super().delete_model(request, obj)

    def _audit(self, request: HttpRequest, event: str, obj: InstanceApplication, detail: str = "") -> None:
        who, how = obj.applicant.get_username(), AuditEntry.Outcome.SUCCEEDED
        about = {"instance": obj.hostname, "person": who, "application": obj.pk}
        audit.record(Actor.of(request), event, detail=detail, outcome=how, **about)


@admin.register(ImageListing)
class ImageListingAdmin(admin.ModelAdmin):
    """How each listing of images answered last. The images themselves may hold passwords, and are not shown."""

    list_display = ["where", "kind", "count", "fetched_at", "tried_at", "error"]
    fields = ["where", "kind", "count", "fetched_at", "tried_at", "error"]
    actions = ["look_again"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageListing]:
        return super().get_queryset(request).defer("images")

    @admin.display(description=gettext_lazy("address"))
    def where(self, listing: ImageListing) -> str:
        """The address, without a password and without a query string, in which secrets travel."""
        parts = urlsplit(listing.address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()

    @admin.action(description=gettext_lazy("Look again now"), permissions=["look_again"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[ImageListing]) -> None:
        wanted = {(row.kind, row.address) for row in queryset}
        images.refresh([source for source in images.sources() if (source.kind, source.url) in wanted])
        ours = ImageListing.objects.filter(pk__in=[row.pk for row in queryset])
        count = sum(ours.filter(error="").values_list("count", flat=True))
        words = ngettext("%(n)s image was found.", "%(n)s images were found.", count) % {"n": count}
        failed = ours.exclude(error="").count()
        if failed:
            words += " " + ngettext(
                "%(n)s listing did not answer well: what it held before is kept.",
                "%(n)s listings did not answer well: what they held before is kept.",
                failed,
            ) % {"n": failed}
        self.message_user(request, words)

    def has_look_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("apply.change_imagelisting")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ImageListing | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ImageListing | None = None) -> bool:
        return False
