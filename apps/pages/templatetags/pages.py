"""How templates show the site's texts, and what of the site is added to every page."""

import re
from collections.abc import Mapping
from typing import Any

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from accounts.templatetags.look import icon
from apps.pages import cleaning, helpdesk, texts

register = template.Library()


# What Font Awesome and people call the networks -> our icons
NETWORKS = {
    "facebook": "facebook",
    "twitter": "twitter-x",
    "x": "twitter-x",
    "linkedin": "linkedin",
    "youtube": "youtube",
    "github": "github",
    "instagram": "instagram",
    "mastodon": "mastodon",
    "rss": "rss",
}


@register.simple_tag
def icon_of_network(network: Mapping[str, str]) -> str:
    """The icon of one of BRANDING's social networks, by its FONT_AWESOME_NAME or NAME; empty for others."""
    words = re.findall(r"[a-z]+", f"{network.get('FONT_AWESOME_NAME', '')} {network.get('NAME', '')}".lower())
    found = next((NETWORKS[word] for word in words if word in NETWORKS), "")
    return icon(found) if found else ""


@register.filter
def harmless(markup: str) -> SafeString:
    """HTML that somebody wrote, without what could run."""
    return mark_safe(cleaning.harmless(str(markup)))  # noqa: S308  (that is what it is for)


@register.simple_tag
def linked_texts() -> list[str]:
    """The slugs of the texts to which there are links: info, terms-of-service, faq."""
    return texts.linked()


@register.simple_tag
def site_snippet() -> SafeString:
    """The site's own HTML for statistics, which its operators keep in a file; the CSP allows just that."""
    return mark_safe(str(getattr(settings, "ANALYTICS_HTML", "")))  # noqa: S308  (the operators' own, like this code)


@register.simple_tag(takes_context=True)
def helpdesk_facts(context: dict[str, Any]) -> dict[str, Any] | None:
    """What the help desk's form is filled in with; None where there is none, or nobody is signed in."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return None
    return helpdesk.facts(user, request.build_absolute_uri())
