"""What the admin of users and of groups have in common: their names are in the tags of VMs."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import deeds, ownership
from accounts.forms.administering import RenameForm, taken

Owner = User | Group
RENAMED = {ownership.USER: deeds.USER_RENAMED, ownership.GROUP: deeds.GROUP_RENAMED}


class ToldAdmin(admin.ModelAdmin):
    """Tells what is added, changed and deleted here. Of what was changed it tells the names of the fields alone."""

    added = changed = deleted = ""  # names of events

    def tell(self, request: HttpRequest, event: str, obj: Any, detail: str = "") -> None:
        deeds.tell(event, request, detail=f"{obj}: {detail}" if detail else str(obj))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self.tell(request, self.added, obj)
        elif form.changed_data:
            self.tell_changed(request, obj, form)

    def tell_changed(self, request: HttpRequest, obj: Any, form: Any) -> None:
        self.tell(request, self.changed, obj, ", ".join(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.tell(request, self.deleted, obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.tell(request, self.deleted, obj)
        super().delete_queryset(request, queryset)


class OwnerAdmin(admin.ModelAdmin):
    """Says how many VMs somebody owns, renames them together with the tags, and deletes nobody whom tags name."""

    owner_kind: str
    delete_confirmation_template = "admin/owners/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/owners/delete_selected_confirmation.html"

    def name_of(self, owner: Owner) -> str:
        return owner.get_username() if isinstance(owner, User) else owner.name

    # ---- what they own ----------------------------------------------------------------------------------

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, whose rows know how many VMs each owns: one look for all of them."""
        changelist = super().get_changelist_instance(request)
        owners = list(changelist.result_list)
        try:
            counts: dict[str, int] | None = ownership.counts(self.owner_kind, map(self.name_of, owners))
        except ownership.NotKnown:
            counts = None
        for owner in owners:
            owner.vm_count = None if counts is None else counts.get(self.name_of(owner), 0)
        changelist.result_list = owners
        return changelist

    @admin.display(description=gettext_lazy("VMs"))
    def vms(self, owner: Any) -> int | None:
        return owner.vm_count

    @admin.display(description=gettext_lazy("VMs"))
    def owned(self, owner: Owner) -> str:
        """How many VMs, and on how many clusters."""
        try:
            known = ownership.holdings(self.owner_kind, self.name_of(owner))
        except ownership.NotKnown as error:
            return str(error)
        if not known.vm_count:
            return "0"
        clusters = ", ".join(f"{one.cluster}: {len(one.vms)}" for one in known.held)
        return f"{known.vm_count} ({clusters})"

    # ---- renaming ---------------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("name"))
    def name_with_link(self, owner: Owner) -> str:
        """The name, with the way to another one: a simple field would leave the VMs behind."""
        name = self.name_of(owner)
        if address := ownership.address_of(self.owner_kind, name):
            return format_html('{} (<a href="{}">{}</a>)', name, address, _("tags are being rewritten"))
        return format_html('{} (<a href="{}">{}</a>)', name, "../rename/", _("rename"))

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_rename"
        view = self.admin_site.admin_view(self.rename_view)
        return [path("<path:object_id>/rename/", view, name=name), *super().get_urls()]

    def rename_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what the new name would touch; POST gives it and has the tags rewritten."""
        owner = cast(Owner | None, self.get_object(request, unquote(object_id)))
        if owner is None:
            raise Http404
        if not self.has_change_permission(request, owner):
            raise PermissionDenied
        form = RenameForm(request.POST if request.method == "POST" else None, owner)
        hindrance = self.why_not_rename(owner)
        if request.method == "POST" and not hindrance and form.is_valid() and self._rename(request, form):
            messages.success(request, _("It is “%(name)s” now.") % {"name": form.cleaned_data["name"]})
            next_page = ownership.address_of(self.owner_kind, form.cleaned_data["name"])
            return HttpResponseRedirect(next_page or self._address(owner))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Rename %(name)s") % {"name": form.old},
            "opts": self.opts,
            "owner": owner,
            "name": form.old,
            "form": form,
            "hindrance": hindrance,
            "holdings": self._known(owner),
        }
        return TemplateResponse(request, "admin/owners/rename.html", context)

    def why_not_rename(self, owner: Owner) -> str:
        """The sentence that says why this one keeps the name, whatever the new one; empty where it need not."""
        return ownership.why_not(self.owner_kind, self.name_of(owner), "")

    def _known(self, owner: Owner) -> ownership.Holdings:
        try:
            return ownership.holdings(self.owner_kind, self.name_of(owner))
        except ownership.NotKnown:
            return ownership.Holdings()  # the hindrance says it

    def _rename(self, request: HttpRequest, form: RenameForm) -> bool:
        owner, old, new = form.owner, form.old, form.cleaned_data["name"]
        field = "username" if isinstance(owner, User) else "name"
        try:
            with transaction.atomic():
                ownership.rename(self.owner_kind, old, new, request)
                setattr(owner, field, new)
                owner.save(update_fields=[field])
                deeds.tell(RENAMED[self.owner_kind], request, about=new, detail=f"{old} → {new}")
                self.log_change(request, owner, f"{old} → {new}")
        except IntegrityError:  # somebody else was faster
            setattr(owner, field, old)
            form.add_error("name", taken(self.owner_kind, new))
            return False
        except ownership.NotKnown as error:
            setattr(owner, field, old)
            form.add_error("name", str(error))
            return False
        return True

    def _address(self, owner: Owner) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[owner.pk])

    # ---- deleting ---------------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """With a sentence for each whom tags name: who got the name later would own those VMs."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, lacking, [*protected, *filter(None, map(self.why_not_delete, objs))]

    def why_not_delete(self, owner: Owner) -> str:
        name = self.name_of(owner)
        if ownership.address_of(self.owner_kind, name):
            return _("%(name)s: tags are still being rewritten from an earlier name.") % {"name": name}
        try:
            known = ownership.holdings(self.owner_kind, name)
        except ownership.NotKnown as error:
            return f"{name}: {error}"
        if known.vm_count:
            clusters = ", ".join(one.cluster for one in known.held)
            words = ngettext(
                "%(name)s: %(n)s VM carries this name in its tags (%(clusters)s).",
                "%(name)s: %(n)s VMs carry this name in their tags (%(clusters)s).",
                known.vm_count,
            )
            return words % {"name": name, "n": known.vm_count, "clusters": clusters}
        if known.unknown:
            words = _("%(name)s: nobody knows yet which VMs are on %(clusters)s.")
            return words % {"name": name, "clusters": ", ".join(known.unknown)}
        return ""

    def tell_deleted(self, request: HttpRequest, owner: Owner) -> None:
        event = deeds.ACCOUNT_DELETED if self.owner_kind == ownership.USER else deeds.GROUP_DELETED
        deeds.tell(event, request, about=self.name_of(owner))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.tell_deleted(request, obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for owner in queryset:
            self.tell_deleted(request, owner)
        super().delete_queryset(request, queryset)
