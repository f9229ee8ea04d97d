"""How a form is answered: where it leads back to, a page of ours whatever it says; and whether a script sent it."""

import re

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_page(request: HttpRequest, wanted: str, otherwise: str) -> str:
    """`wanted` if it leads to a page of this site, else `otherwise`."""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    # "foo" would be taken for the name of a view
    return wanted if is_ours and wanted.startswith("/") else otherwise


def is_script(request: HttpRequest) -> bool:
    """Whether a script of ganetimgr 2.x asks, which reads JSON; htmx says the same of itself in another header, too."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest" and not request.htmx  # type: ignore[attr-defined]


def in_language(path: str, language: str) -> str:
    """The same page in another language: the site's texts have one address for each, /about/SLUG/LANGUAGE/."""
    match = re.fullmatch(r"(/about/[\w-]+/)([\w-]+)(/)", path)
    if match is None or match[2] not in dict(settings.LANGUAGES):
        return path
    return f"{match[1]}{language}{match[3]}"
