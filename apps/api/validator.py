"""Which requests of programs are good: django-oauth-toolkit's rules, and stricter ones where a site is at risk."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from oauth2_provider.models import get_application_model
from oauth2_provider.oauth2_validators import OAuth2Validator

Application = get_application_model()

LOOPBACK_ADDRESSES = ("127.0.0.1", "::1")
_PORT = re.compile(r":\d{1,5}(?=/|\?|$)")


class Validator(OAuth2Validator):
    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """A code; or a token, for a program that an administrator allowed it and where the site does."""
        if response_type == "token":
            return bool(settings.OAUTH_IMPLICIT_GRANT and client.allows_grant_type(Application.GRANT_IMPLICIT))
        return bool(response_type == "code" and client.allows_grant_type(Application.GRANT_AUTHORIZATION_CODE))

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return any(is_same_address(redirect_uri, known) for known in request.client.redirect_uris.split())

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        """From programs that can keep no secret. Those of ganetimgr 2.x that can knew nothing of PKCE."""
        client = self._load_application(client_id, request)
        return client is None or client.client_type != Application.CLIENT_CONFIDENTIAL

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        return super().validate_code(client_id, code, client, request) and request.user.is_active

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        return super().validate_refresh_token(refresh_token, client, request) and request.user.is_active

    def is_origin_allowed(self, client_id: str, origin: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """CORS_ALLOWED_ORIGINS alone decides, see the middleware of django-cors-headers."""
        return False


def is_same_address(wanted: str, known: str) -> bool:
    """Character by character; but a program on one's own machine takes whatever port is free (RFC 8252, 7.3)."""
    if wanted == known:
        return True
    try:
        where, registered = urlsplit(wanted), urlsplit(known)
        ports = (where.port, registered.port)  # ValueError where they are none
    except ValueError:
        return False
    is_loopback = registered.scheme == "http" and registered.hostname in LOOPBACK_ADDRESSES
    if not is_loopback or where.hostname != registered.hostname or ports[0] == 0:
        return False
    return _PORT.sub("", wanted, count=1) == _PORT.sub("", known, count=1)
