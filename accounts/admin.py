"""People, groups and organisations in Django's admin. No page of it lists all users: there may be 50,000."""

from collections.abc import Callable
from typing import Any

from axes.admin import AccessAttemptAdmin
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangosGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from registration.admin import RegistrationAdmin  # noqa: F401  (registers itself, and is taken out below)
from registration.models import RegistrationProfile

from accounts import (
    deeds,
    outbox,
    outbox_admin,  # noqa: F401  (the outbox registers itself)
    ownership,
    registering,
    second_factor,
    sessions,
)
from accounts.administering import OwnerAdmin, ToldAdmin
from accounts.forms.administering import (
    GroupForm,
    NewGroupForm,
    NewUserForm,
    OrganizationForm,
    UserForm,
    codes,
    gives_more_than,
)
from accounts.models import Organization, SshPublicKey, UserProfile

MEMBERS_SHOWN = 50
RIGHTS = ["is_staff", "is_superuser", "user_permissions"]

if admin.site.is_registered(AccessAttempt):
    admin.site.unregister(AccessAttempt)
admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.unregister(
    RegistrationProfile
)  # its buttons would go past the approval; the page of waiting accounts serves


# ---- users ------------------------------------------------------------------------------------------------


class ProfileInline(admin.StackedInline):
    model = UserProfile
    can_delete = False
    readonly_fields = ["language", "time_zone", "theme", "first_login", "force_logout_date", "idle_notice_sent"]
    fields = ["organization", "telephone", *readonly_fields]
    autocomplete_fields = ["organization"]


class MembershipInline(admin.TabularInline):
    model = Organization.users.through
    extra = 0
    autocomplete_fields = ["organization"]
    verbose_name = gettext_lazy("organisation")
    verbose_name_plural = gettext_lazy("organisations")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{"label": self.verbose_name, **kwargs})


class SshKeyInline(admin.TabularInline):
    """To look at and to take away; only people themselves add keys."""

    model = SshPublicKey
    extra = 0
    readonly_fields = ["key_type", "fingerprint", "comment", "added"]
    fields = [*readonly_fields]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(OwnerAdmin, DjangosUserAdmin):
    owner_kind = ownership.USER
    form = UserForm
    add_form = NewUserForm
    list_display = ["username", "full_name", "email", "is_active", "is_staff", "vms", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "last_login"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering = ["username"]
    filter_horizontal = ["user_permissions"]
    autocomplete_fields = ["groups"]
    inlines = [ProfileInline, MembershipInline, SshKeyInline]
    actions = ["enable", "disable", "sign_out_everywhere", "reset_second_factor"]
    fieldsets = [
        (None, {"fields": ["name_with_link", "password", "owned"]}),
        (gettext_lazy("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (gettext_lazy("Rights"), {"fields": ["is_active", "groups", *RIGHTS]}),
        (gettext_lazy("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "takes_over", "email", "first_name", "last_name"]}),
        (gettext_lazy("Password"), {"classes": ["wide"], "fields": ["usable_password", "password1", "password2"]}),
    ]

    @admin.display(description=gettext_lazy("name and surname"), ordering="last_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """The lists of a group's and an organisation's members are this list."""
        if lookup in (GroupAdmin.lookup, OrganizationAdmin.lookup):
            return True
        return super().lookup_allowed(lookup, value, request)

    # ---- who may what -----------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody touches who may do more: whoever sets a colleague's password can do what the colleague can."""
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    def _may_touch(self, request: HttpRequest, user: User | None) -> bool:
        if user is None or request.user.is_superuser:
            return True
        theirs = Permission.objects.filter(Q(user=user) | Q(group__user=user))  # disabled or not
        return not user.is_superuser and codes(theirs) <= request.user.get_all_permissions()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Rights are for superusers to give, groups for those who may change groups."""
        fixed = ["name_with_link", "owned", "last_login", "date_joined"]
        if not request.user.is_superuser:
            fixed += RIGHTS
        if not request.user.has_perm("auth.change_group"):
            fixed.append("groups")
        if obj is not None and registering.standing(obj) in ("unvalidated", "waiting"):
            fixed.append("is_active")  # that is decided on the page of waiting accounts
        return fixed

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)  # a class of its own for each request
        form.asker = request.user
        return form

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return self.inlines if obj else []

    def why_not_rename(self, owner: Any) -> str:
        if getattr(settings, "AUTH_LDAP_SERVER_URI", "") and not owner.has_usable_password():
            return _("The directory gives this account its name. Change it there.")
        return super().why_not_rename(owner)

    # ---- saving, and telling ----------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            deeds.tell(deeds.ACCOUNT_MADE, request, about=obj)
            return
        changed = set(form.changed_data)
        if "is_active" in changed:
            deeds.tell(deeds.ACCOUNT_ENABLED if obj.is_active else deeds.ACCOUNT_DISABLED, request, about=obj)
        if rights := [field for field in RIGHTS if field in changed]:
            deeds.tell(deeds.ACCOUNT_RIGHTS, request, about=obj, detail=_rights(form, rights))
        if others := sorted(changed - {"is_active", "groups", *RIGHTS}):
            deeds.tell(deeds.ACCOUNT_CHANGED, request, about=obj, detail=", ".join(others))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "groups" in form.changed_data:
            before, after = set(form.initial.get("groups", [])), set(form.cleaned_data["groups"])
            _tell_each(request, deeds.GROUP_JOINED, form.instance, after - before)
            _tell_each(request, deeds.GROUP_LEFT, form.instance, before - after)
        for formset in formsets:
            if formset.has_changed():
                _tell_inline(request, form.instance, formset)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        before = self.get_object(request, unquote(id))
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if before is not None:
                self._tell_new_password(request, before)
        return response

    def _tell_new_password(self, request: HttpRequest, before: User) -> None:
        user = User.objects.get(pk=before.pk)
        if user.password == before.password:
            return
        deeds.tell(deeds.ACCOUNT_PASSWORD, request, about=user)
        if user.has_usable_password():
            reset = outbox.absolute(reverse("password_reset"), request)
            outbox.post("password_changed", user, {"name": user.username, "reset": reset})

    # ---- for several at once ----------------------------------------------------------------------------

    @admin.action(description=gettext_lazy("Enable the accounts"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset.filter(is_active=False), self._enable)

    def _enable(self, request: HttpRequest, user: User) -> str:
        if registering.standing(user) in ("unvalidated", "waiting"):
            return _("%(name)s has registered and is not approved yet: see the page of waiting accounts.")
        user.is_active = True
        user.save(update_fields=["is_active"])
        deeds.tell(deeds.ACCOUNT_ENABLED, request, about=user)
        return ""

    @admin.action(description=gettext_lazy("Disable the accounts"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset.filter(is_active=True), self._disable)

    def _disable(self, request: HttpRequest, user: User) -> str:
        if user == request.user:
            return _("%(name)s is your own account: you would lock yourself out.")
        user.is_active = False
        user.save(update_fields=["is_active"])
        deeds.tell(deeds.ACCOUNT_DISABLED, request, about=user)
        return ""

    @admin.action(description=gettext_lazy("Sign out everywhere"), permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, self._sign_out)

    def _sign_out(self, request: HttpRequest, user: User) -> str:
        sessions.end_all_of(user, but=request if user == request.user else None)
        deeds.tell(deeds.ACCOUNT_SIGNED_OUT, request, about=user)
        return ""

    @admin.action(description=gettext_lazy("Switch off the second factor"), permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, self._reset_second_factor)

    def _reset_second_factor(self, request: HttpRequest, user: User) -> str:
        if user == request.user:  # whoever found this browser open gives no code here
            return _("%(name)s is your own account: its page about the second factor asks for password and code.")
        return "" if second_factor.turn_off(request, user) else _("%(name)s has no second factor.")

    def _for_each(self, request: HttpRequest, people: QuerySet[User], deed: Callable[[HttpRequest, User], str]) -> None:
        """Does it to everybody but those for whom there is a sentence against it; says to how many it was done."""
        done = 0
        for user in people.order_by("username"):
            with transaction.atomic():
                is_allowed = self._may_touch(request, user)
                refused = deed(request, user) if is_allowed else _("%(name)s has rights that you do not have.")
            if refused:
                messages.warning(request, refused % {"name": user.get_username()})
            done += not refused
        messages.success(request, ngettext("Done for %(n)s account.", "Done for %(n)s accounts.", done) % {"n": done})


def _rights(form: Any, names: list[str]) -> str:
    """What somebody may do now, for the log."""
    told = [f"{name}: {form.cleaned_data[name]}" for name in names if name != "user_permissions"]
    if "user_permissions" in names:
        told.append(f"permissions: {_permissions(form.cleaned_data['user_permissions'])}")
    return ", ".join(told)


def _permissions(chosen: QuerySet[Any]) -> str:
    return " ".join(sorted(chosen.values_list("codename", flat=True))) or "none"


def _tell_each(request: HttpRequest, event: str, user: User, where: Any) -> None:
    for name in sorted(map(str, where)):
        deeds.tell(event, request, about=user, detail=name)


def _tell_inline(request: HttpRequest, user: User, formset: Any) -> None:
    """What was changed beside the account itself: organisations, keys, the profile."""
    if formset.model is Organization.users.through:
        joined = [*formset.new_objects, *(changed[0] for changed in formset.changed_objects)]
        _tell_each(request, deeds.ORGANIZATION_JOINED, user, [row.organization for row in joined])
        _tell_each(request, deeds.ORGANIZATION_LEFT, user, [row.organization for row in formset.deleted_objects])
    elif formset.model is SshPublicKey:
        gone = ", ".join(key.fingerprint for key in formset.deleted_objects)
        deeds.tell(deeds.ACCOUNT_CHANGED, request, about=user, detail=f"SSH keys removed: {gone}")
    else:
        deeds.tell(deeds.ACCOUNT_CHANGED, request, about=user, detail="profile")


# ---- whatever has members ---------------------------------------------------------------------------------


class MembersAdmin(admin.ModelAdmin):
    """Members are counted, the first of them shown; pickers add and remove people, however many there are."""

    joined: str
    left: str
    lookup: str  # of the list of users that shows all members

    def members_of(self, obj: Any) -> Any:
        raise NotImplementedError

    @admin.display(description=gettext_lazy("people"), ordering="member_count")
    def number_of_members(self, obj: Any) -> int:
        return obj.member_count

    @admin.display(description=gettext_lazy("people"))
    def members(self, obj: Any) -> str:
        people, count = self.members_of(obj), self.members_of(obj).count()
        words = ngettext("%(n)s person", "%(n)s people", count) % {"n": count}
        if not count:
            return words
        shown = people.order_by("username")[:MEMBERS_SHOWN]
        addresses = ((reverse("admin:auth_user_change", args=[one.pk]), one) for one in shown)
        links = format_html_join(", ", '<a href="{}">{}</a>', addresses)
        everybody = f"{reverse('admin:auth_user_changelist')}?{self.lookup}={obj.pk}"
        more = " …" if count > MEMBERS_SHOWN else ""
        return format_html('<a href="{}">{}</a>: {}{}', everybody, words, links, more)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        people = self.members_of(form.instance)
        leaving = form.cleaned_data.get("leave", [])
        wanted = form.cleaned_data.get("join", [])
        inside = set(people.filter(pk__in=[user.pk for user in wanted]).values_list("pk", flat=True))
        joining = [user for user in wanted if user.pk not in inside]
        people.add(*joining)
        people.remove(*leaving)
        for event, group in ((self.joined, joining), (self.left, leaving)):
            for user in group:
                deeds.tell(event, request, about=user, detail=str(form.instance))


@admin.register(Group)
class GroupAdmin(OwnerAdmin, MembersAdmin, DjangosGroupAdmin):
    owner_kind = ownership.GROUP
    joined, left, lookup = deeds.GROUP_JOINED, deeds.GROUP_LEFT, "groups__id__exact"
    list_display = ["name", "number_of_members", "vms"]
    list_per_page = 50
    readonly_fields = ["name_with_link", "owned", "members"]
    filter_horizontal = ["permissions"]

    def members_of(self, obj: Group) -> Any:
        return obj.user_set

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Nobody puts people into a group that may do more than they: they could be in it themselves then."""
        is_beyond = obj is not None and gives_more_than(request.user, obj)
        return super().has_change_permission(request, obj) and not is_beyond

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(member_count=Count("user"))

    def get_form(self, request: HttpRequest, obj: Group | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{"form": GroupForm if obj else NewGroupForm, **kwargs})

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["name", "takes_over", "join", "permissions"]})]
        pickers = ["join", "leave"] if self.has_change_permission(request, obj) else []
        return [(None, {"fields": ["name_with_link", "owned", "members", *pickers, "permissions"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        """Rights are for superusers to give."""
        return [*self.readonly_fields, *([] if request.user.is_superuser else ["permissions"])]

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            deeds.tell(deeds.GROUP_MADE, request, about=obj.name)
        elif "permissions" in form.changed_data:
            words = f"permissions: {_permissions(form.cleaned_data['permissions'])}"
            deeds.tell(deeds.GROUP_CHANGED, request, about=obj.name, detail=words)


@admin.register(Organization)
class OrganizationAdmin(MembersAdmin):
    form = OrganizationForm
    joined, left, lookup = deeds.ORGANIZATION_JOINED, deeds.ORGANIZATION_LEFT, "organizations__id__exact"
    list_display = ["title", "tag", "email", "number_of_members"]
    list_per_page = 50
    ordering = ["title"]  # that of the model counts no more where members are counted
    search_fields = ["title", "tag"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ["members"]

    def members_of(self, obj: Organization) -> Any:
        return obj.users

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return super().get_queryset(request).annotate(member_count=Count("users"))

    def get_fieldsets(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        about = (None, {"fields": ["title", "website", "email", "phone", "tag"]})
        if obj is None:
            return [about, (gettext_lazy("People"), {"fields": ["join"]})]
        pickers = ["join", "leave"] if self.has_change_permission(request, obj) else []
        return [about, (gettext_lazy("People"), {"fields": ["members", *pickers]})]

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changed = [name for name in form.changed_data if name not in ("join", "leave")]
        if not change:
            deeds.tell(deeds.ORGANIZATION_MADE, request, detail=obj.title)
        elif changed:
            deeds.tell(deeds.ORGANIZATION_CHANGED, request, detail=f"{obj.title}: {', '.join(changed)}")

    def delete_model(self, request: HttpRequest, obj: Organization) -> None:
        deeds.tell(deeds.ORGANIZATION_DELETED, request, detail=obj.title)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        for organization in queryset:
            deeds.tell(deeds.ORGANIZATION_DELETED, request, detail=organization.title)
        super().delete_queryset(request, queryset)


@admin.register(UserProfile)
class UserProfileAdmin(admin.ModelAdmin):
    """To find people by organisation and telephone; a profile is made with its user and goes with them."""

    list_display = ["user", "organization", "telephone", "first_login", "force_logout_date"]
    list_select_related = ["user", "organization"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["user__username", "user__last_name", "telephone", "organization__title"]
    fields = ["user", *ProfileInline.fields]
    readonly_fields = ["user", *ProfileInline.readonly_fields]
    autocomplete_fields = ["organization"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: UserProfile, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        deeds.tell(deeds.ACCOUNT_CHANGED, request, about=obj.user, detail=", ".join(form.changed_data))


# ---- failed sign-ins -----------------------------------------------------------------------------------------


class AttemptsAdmin(ToldAdmin, AccessAttemptAdmin):
    """axes' book of failed sign-ins: whoever deletes one opens its lock."""

    deleted = deeds.SIGN_IN_UNLOCKED

    def tell(self, request: HttpRequest, event: str, obj: Any, detail: str = "") -> None:
        """By address alone where nobody has the name: it is now and then a password."""
        account = User.objects.filter(username__iexact=obj.username or "").first()
        deeds.tell(event, request, about=account, detail=obj.ip_address or "")


if getattr(settings, "AXES_ENABLE_ADMIN", True):
    admin.site.register(AccessAttempt, AttemptsAdmin)
