"""Errors to Sentry, for sites that have one: SENTRY in the settings or SENTRY_DSN in the environment."""

import os
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

MISSING = (
    "The settings ask for Sentry, whose package is not installed. Where manage.py is:"
    " .venv/bin/pip install -r requirements/sentry.txt"
)
# What requests carry and nobody else has to know.
SECRET_HEADERS = ("Authorization", "Cookie", "Referer", "X-Csrftoken")


def address() -> str:
    """Where errors are sent; empty where the site does not want it."""
    named = os.environ.get("SENTRY_DSN", "")
    return named or (str(settings.SENTRY["sentry_dsn"]) if settings.SENTRY["activate"] else "")


def begin() -> None:
    """Has errors sent from now on, if the site wants it. Without the package, a sentence that says how it comes."""
    dsn = address()
    if not dsn:
        return
    try:
        import sentry_sdk
    except ImportError as error:
        raise ImproperlyConfigured(MISSING) from error
    sentry_sdk.init(dsn=dsn, send_default_pii=False, max_request_body_size="never", before_send=without_secrets)


def without_secrets(event: Any, hint: Any = None) -> Any:
    """The event without cookies, what stands in addresses, and the values of variables: links and keys are in there."""
    request = event.get("request") or {}
    request.pop("cookies", None)
    request.pop("query_string", None)
    request.pop("data", None)
    headers = request.get("headers") or {}
    request["headers"] = {name: value for name, value in headers.items() if name.title() not in SECRET_HEADERS}
    for error in (event.get("exception") or {}).get("values") or []:
        for frame in (error.get("stacktrace") or {}).get("frames") or []:
            frame.pop("vars", None)
    return event
