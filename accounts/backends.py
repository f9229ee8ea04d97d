"""Who somebody is, by user name or e-mail and password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.http import HttpRequest

from accounts import registering

MAX_NAME = 254  # the longest e-mail address, longer than any user name
MAX_CLAIMS = 100  # accounts that are looked at for one address


def person_called(name: str) -> User | None:
    """The account with exactly this user name, else the only one with this e-mail, in whatever case it is written.

    Who is active comes first: registrations that have yet to prove an address keep nobody from using it.
    """
    if len(name) > MAX_NAME or "\0" in name:
        return None
    people = User.objects.select_related("profile")
    by_name = people.filter(username=name).first()
    if by_name is not None or "@" not in name:
        return by_name
    claims = people.filter(email__iexact=name).order_by("-is_active")[:MAX_CLAIMS]
    by_mail = [user for user in claims if user.email.lower() == name.lower()]
    chosen = [user for user in by_mail if user.is_active] or by_mail
    return chosen[0] if len(chosen) == 1 else None


class PeopleBackend(ModelBackend):
    """People of our own database.

    Who is not active authenticates too, so that the right password gets the right sentence (SignInForm says it),
    but is nobody to every page: `get_user` does not know them.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if not username or password is None:
            return None
        if registering.looks_unproven(username, password):
            return User(username=username, is_active=False)  # nobody; for the sentence that a real one would get
        user = person_called(username)
        if user is None:
            make_password(password)  # as much work as for a known account: time tells nothing
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id: int) -> User | None:
        """With the profile and the second factor, so that no page asks for them again."""
        user = User.objects.select_related("profile", "authenticator").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
