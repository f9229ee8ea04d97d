"""The forms of the admin about people: no field of theirs ever lists all users."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import ownership
from accounts.models import Organization
from accounts.retelling import retold
from ganeti import tags


def is_taken(kind: str, name: str, besides: Any = None) -> bool:
    """Whether another user or group has this name, in whatever capital letters."""
    field = "username" if kind == ownership.USER else "name"
    others = (User if kind == ownership.USER else Group).objects.filter(**{f"{field}__iexact": name})
    return (others.exclude(pk=besides.pk) if besides else others).exists()


def taken(kind: str, name: str) -> ValidationError:
    words = {
        ownership.USER: _("There is a user “%(name)s” already, perhaps in other capital letters."),
        ownership.GROUP: _("There is a group “%(name)s” already, perhaps in other capital letters."),
    }
    return ValidationError(words[kind], params={"name": name})


# ---- new names --------------------------------------------------------------------------------------------


class NewOwnerForm(forms.ModelForm):
    """A name that Ganeti can carry, and that makes nobody the owner of VMs by chance."""

    owner_kind: str

    takes_over = forms.BooleanField(
        label=gettext_lazy("They are meant to be theirs"), required=False, widget=forms.HiddenInput
    )

    def checked_name(self, name: str) -> str:
        kind = self.owner_kind
        if problem := ownership.no_tag_for(kind, name):
            raise ValidationError(problem)
        if is_taken(kind, name):
            raise taken(kind, name)
        if ownership.is_kept(kind, name):
            raise ValidationError(_("This name is kept: the tags of its former owner are still being rewritten."))
        self._refuse_what_has_vms(kind, name)
        return name

    def _refuse_what_has_vms(self, kind: str, name: str) -> None:
        """Unless the administrator has read it and means it: the box appears with the sentence."""
        if self.data.get("takes_over") == "on":
            return
        try:
            count = ownership.holdings(kind, name).vm_count
        except ownership.NotKnown as error:
            raise ValidationError(str(error)) from error
        if count:
            self.fields["takes_over"].widget = forms.CheckboxInput()
            words = ngettext(
                "%(n)s VM carries this name already: whoever gets it owns that VM.",
                "%(n)s VMs carry this name already: whoever gets it owns them.",
                count,
            )
            raise ValidationError(words, params={"n": count})


class NewUserForm(NewOwnerForm, AdminUserCreationForm):
    owner_kind = ownership.USER

    class Meta(AdminUserCreationForm.Meta):
        fields = ("username", "email", "first_name", "last_name")

    def clean_username(self) -> str:
        return self.checked_name(self.cleaned_data["username"])

    def clean_email(self) -> str:
        return free_address(self.cleaned_data["email"])


class UserForm(UserChangeForm):
    asker: Any  # who changes the account

    def clean_email(self) -> str:
        email = self.cleaned_data["email"]
        return free_address(email, self.instance) if "email" in self.changed_data else email

    def clean_groups(self) -> QuerySet[Group]:
        groups = self.cleaned_data["groups"]
        touched = set(groups) ^ set(self.instance.groups.all())
        if beyond := sorted(group.name for group in touched if gives_more_than(self.asker, group)):
            raise ValidationError(
                _("These groups give rights that you do not have: %(names)s."), params={"names": ", ".join(beyond)}
            )
        return groups


def gives_more_than(user: Any, group: Group) -> bool:
    """Whether this group gives rights that `user` does not have."""
    return not user.is_superuser and not codes(group.permissions.all()) <= user.get_all_permissions()


def codes(permissions: QuerySet[Permission]) -> set[str]:
    """As `get_all_permissions` has them, which knows none of a disabled account."""
    return {f"{app}.{name}" for app, name in permissions.values_list("content_type__app_label", "codename")}


def free_address(email: str, besides: User | None = None) -> str:
    """`email` itself, if nobody else has it: people sign in with it."""
    others = User.objects.filter(email__iexact=email)
    if email and (others.exclude(pk=besides.pk) if besides else others).exists():
        raise ValidationError(_("Somebody else has this address, and people sign in with theirs."))
    return email


class RenameForm(forms.Form):
    """A new name for a user or a group."""

    name = forms.CharField(label=gettext_lazy("New name"), max_length=150)

    def __init__(self, data: Any, owner: User | Group) -> None:
        super().__init__(data)
        self.owner = owner
        self.kind = ownership.USER if isinstance(owner, User) else ownership.GROUP
        self.old = owner.username if isinstance(owner, User) else owner.name
        self.fields["name"].widget.attrs.update(autocomplete="off", spellcheck="false", autocapitalize="none")

    def clean_name(self) -> str:
        new = self.cleaned_data["name"]
        if new == self.old:
            raise ValidationError(_("This is the present name."))
        if isinstance(self.owner, User):
            self.owner.username_validator(new)
        if problem := ownership.no_tag_for(self.kind, new):
            raise ValidationError(problem)
        if is_taken(self.kind, new, self.owner):
            raise taken(self.kind, new)
        if hindrance := ownership.why_not(self.kind, self.old, new):
            raise ValidationError(hindrance)
        return new


# ---- members ----------------------------------------------------------------------------------------------


class _People(forms.ModelMultipleChoiceField):
    def _check_values(self, value: Any) -> Any:
        try:
            return super()._check_values(value)  # type: ignore[misc]
        except OverflowError as error:  # a number too long for SQLite
            raise ValidationError(
                self.error_messages["invalid_choice"], code="invalid_choice", params={"value": ", ".join(value)}
            ) from error


class _PeopleWidget(AutocompleteSelectMultiple):
    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        try:
            return super().optgroups(name, value, attr)
        except OverflowError:
            return super().optgroups(name, [], attr)


def _people_picker(label: Any, help_text: Any) -> forms.ModelMultipleChoiceField:
    """Finds people as one types, a page of them at a time."""
    return _People(
        User.objects.all(),
        label=label,
        help_text=help_text,
        required=False,
        widget=_PeopleWidget(Organization._meta.get_field("users"), admin.site),
    )


class MembersForm(forms.ModelForm):
    """Says who joins and who leaves, instead of listing everybody who is in."""

    join = _people_picker(gettext_lazy("Add people"), gettext_lazy("Type a part of a name or an address."))
    leave = _people_picker(gettext_lazy("Remove people"), "")

    def members(self) -> QuerySet[User]:
        raise NotImplementedError

    def clean_join(self) -> list[User]:
        return list(self.cleaned_data["join"])

    def clean_leave(self) -> list[User]:
        leaving = list(self.cleaned_data["leave"])
        inside = set(self.members().filter(pk__in=[user.pk for user in leaving]).values_list("pk", flat=True))
        strangers = [user.get_username() for user in leaving if user.pk not in inside]
        if strangers:
            raise ValidationError(_("No member: %(names)s."), params={"names": ", ".join(strangers)})
        return leaving

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        both = _names(set(self.cleaned_data.get("join", [])) & set(self.cleaned_data.get("leave", [])))
        if both:
            self.add_error("leave", _("Added and removed at once: %(names)s.") % {"names": both})
        return cleaned


def _names(people: Iterable[User]) -> str:
    return ", ".join(sorted(user.get_username() for user in people))


class GroupForm(MembersForm):
    def members(self) -> QuerySet[User]:
        return User.objects.filter(groups=self.instance)


class NewGroupForm(NewOwnerForm, MembersForm):
    owner_kind = ownership.GROUP

    def clean_name(self) -> str:
        return self.checked_name(self.cleaned_data["name"])

    def members(self) -> QuerySet[User]:
        return User.objects.none()


class OrganizationForm(MembersForm):
    def members(self) -> QuerySet[User]:
        return User.objects.filter(organizations=self.instance) if self.instance.pk else User.objects.none()

    def clean_tag(self) -> str:
        tag = self.cleaned_data["tag"]
        if tag:
            try:
                tags.checked(f"{settings.GANETI_TAG_PREFIX}:org:{tag}")
            except ValueError as error:
                raise ValidationError(retold(str(error))) from error
        return tag
