"""Where a form leads back to: a page of ours, whatever the form says."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_page(request: HttpRequest, wanted: str, otherwise: str) -> str:
    """`wanted` if it leads to a page of this site, else `otherwise`."""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    # "foo" would be taken for the name of a view
    return wanted if is_ours and wanted.startswith("/") else otherwise
