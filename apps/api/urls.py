"""Addresses for programs; their paths and names are those of ganetimgr 2.x and of django-oauth-toolkit."""

from django.urls import include, path

from apps.api.views import access, data, flows, programs

PROGRAM = "applications/<int:pk>/"

provider = [
    path("authorize/", flows.authorize, name="authorize"),
    path("token/", flows.token, name="token"),
    path("revoke_token/", flows.revoke, name="revoke-token"),
    # Programs come without the slash at the end, too: a redirect would lose what they post.
    path("authorize", flows.authorize),
    path("token", flows.token),
    path("revoke_token", flows.revoke),
    path("applications/", programs.program_list, name="list"),
    path("applications/register/", programs.register, name="register"),
    path(PROGRAM, programs.program_detail, name="detail"),
    path(f"{PROGRAM}update/", programs.update, name="update"),
    path(f"{PROGRAM}secret/", programs.renew_secret, name="secret"),
    path(f"{PROGRAM}delete/", programs.delete, name="delete"),
    path("authorized_tokens/", access.access_list, name="authorized-token-list"),
    path("authorized_tokens/<int:pk>/delete/", access.take_away, name="authorized-token-delete"),
]

urlpatterns = [
    path("o/", include((provider, "oauth2_provider"))),
    path(".well-known/oauth-authorization-server", flows.metadata, name="oauth-server-metadata"),
    path("instances/list/", data.instances, name="instances-list"),
    path("user/details/", data.user, name="user-details-json"),
    # A redirect to the address with a slash would carry the token on.
    path("instances/list", data.instances),
    path("user/details", data.user),
]
