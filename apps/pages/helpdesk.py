"""The form of the site's help desk: a script of Jira's issue collector, loaded when somebody asks for it.

Nothing of a third party is loaded before. What the form is filled in with are the person's name, address and page.
"""

from typing import Any

from django.conf import settings


def facts(user: Any, page: str) -> dict[str, Any] | None:
    """Address of the script, and the fields that are filled in; None where the site has none."""
    url = settings.HELPDESK_INTEGRATION_JAVASCRIPT_URL
    if not url:
        return None
    fields = {
        **settings.HELPDESK_INTEGRATION_JAVASCRIPT_PARAMS,
        "fullname": user.get_full_name() or user.get_username(),
        "email": user.email,
        "description": f"\n\n{user.get_username()}, {page}",
    }
    return {"src": url, "fields": fields}
