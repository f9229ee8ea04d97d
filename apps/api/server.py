"""The flows that programs can use: an authorisation code with PKCE, its renewal, and the implicit grant.

Only these: a password that is typed into somebody else's program goes past the second factor and past our locks.
"""

from functools import cache
from typing import Any

from django.conf import settings
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.settings import oauth2_settings
from oauthlib.oauth2 import AuthorizationEndpoint, RevocationEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import AuthorizationCodeGrant, ImplicitGrant, RefreshTokenGrant
from oauthlib.oauth2.rfc6749.tokens import BearerToken


class Server(AuthorizationEndpoint, TokenEndpoint, RevocationEndpoint):
    def __init__(self, validator: Any) -> None:
        bearer = BearerToken(validator, expires_in=lifetime)
        code, implicit = AuthorizationCodeGrant(validator), ImplicitGrant(validator)
        AuthorizationEndpoint.__init__(
            self,
            default_response_type="code",
            default_token_type=bearer,
            response_types={"code": code, "token": implicit},
        )
        TokenEndpoint.__init__(
            self,
            default_grant_type="authorization_code",
            default_token_type=bearer,
            grant_types={"authorization_code": code, "refresh_token": RefreshTokenGrant(validator)},
        )
        RevocationEndpoint.__init__(self, validator)


def lifetime(request: Any) -> int:
    """How many seconds the token is good that is just being made."""
    if request.response_type == "token":
        return settings.OAUTH_IMPLICIT_TOKEN_SECONDS
    return int(settings.OAUTH2_PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"])


@cache
def core() -> OAuthLibCore:
    """What translates between Django's requests and the flows."""
    return OAuthLibCore(Server(oauth2_settings.OAUTH2_VALIDATOR_CLASS()))
