"""A site with OAuth2 on, programs that are registered there, and tokens of people."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, set_token_value

SECRET = "a secret of forty characters, of a program"
CALLBACK = "https://app.example.org/callback"

Give = Callable[..., str]


@pytest.fixture(autouse=True)
def enabled(settings: Any) -> None:
    settings.OAUTH_ENABLED = True


@pytest.fixture
def registered(people: dict[str, User]) -> Callable[..., Application]:
    """Registers a program of Erik's."""

    def register(kind: str = "server", addresses: str = CALLBACK, **more: Any) -> Application:
        types = {
            "server": (Application.CLIENT_CONFIDENTIAL, Application.GRANT_AUTHORIZATION_CODE),
            "open": (Application.CLIENT_PUBLIC, Application.GRANT_AUTHORIZATION_CODE),
            "implicit": (Application.CLIENT_PUBLIC, Application.GRANT_IMPLICIT),
        }[kind]
        named = dict(zip(("client_type", "authorization_grant_type"), types, strict=True))
        facts = {"name": "Dashboard", "user": people["erik"], "client_secret": SECRET, "redirect_uris": addresses}
        return Application.objects.create(**{**facts, **named, **more})

    return register


@pytest.fixture
def program(registered: Callable[..., Application]) -> Application:
    return registered()


@pytest.fixture
def give(people: dict[str, User], program: Application) -> Give:
    """A token of that person's, as the program has it."""

    def to_program(name: str, *, scope: str = "read", minutes: int = 60, **more: Any) -> str:
        raw = secrets.token_urlsafe(30)
        token = AccessToken(
            user=people[name], application=program, scope=scope,
            expires=timezone.now() + timedelta(minutes=minutes), **more,
        )  # fmt: skip
        set_token_value(token, raw)
        token.save()
        return raw

    return to_program


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
