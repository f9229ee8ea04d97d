"""What the site says of itself, its address, and the programs that may ask it (OAuth2)."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from apps.adopting.source import Row
from apps.adopting.taking import Taking, misfit

NOBODYS_DOMAIN = "example.com"  # what Django begins with
PROGRAMS: str = "oauth2_provider.Application"  # where it is installed


def bring_site(taking: Taking) -> None:
    """The address in mails. 2.x could have several sites, and answered to one."""
    kind = taking.report.kind("site")
    rows = list(taking.source.rows("django_site"))
    kind.found = len(rows)
    chosen = next((row for row in rows if row.id == settings.SITE_ID), rows[0] if rows else None)
    for row in rows:
        if row is not chosen:
            kind.leave(row.text("domain"), "A ganetimgr answers to one address; give this one its own, or a redirect.")
    if chosen is None:
        return
    domain, name = chosen.text("domain").strip(), chosen.text("name").strip()
    site, _ = Site.objects.get_or_create(pk=settings.SITE_ID, defaults={"domain": NOBODYS_DOMAIN, "name": ""})
    if site.domain not in (NOBODYS_DOMAIN, domain):
        kind.there += 1
        return
    if (site.domain, site.name) == (domain, name[:50]):
        kind.there += 1
        return
    site.domain, site.name = domain, name[:50]
    why = misfit(site) if domain else "It has no domain."
    if why:
        kind.leave(domain, why)
        return
    site.save()
    kind.brought += 1
    taking.report.note(f"Links in mails begin with SITE_URL of the settings: set it to https://{domain} if it is that.")


def bring_texts(taking: Taking) -> None:
    kind = taking.report.kind("flat pages")
    known = dict(FlatPage.objects.values_list("url", "content"))
    other_template, kept = [], []
    for row in taking.source.rows("django_flatpage"):
        kind.found += 1
        url, template = row.text("url"), row.text("template_name")
        if url in known:
            kind.there += 1
            if known[url] != row.text("content"):
                kept.append(url)
            continue
        page = FlatPage(
            url=url,
            title=row.text("title"),
            content=row.text("content"),
            enable_comments=False,
            registration_required=row.flag("registration_required"),
            template_name=template if _is_template(template) else "",
        )
        why = misfit(page) if url else "It has no address."
        if why:
            kind.leave(url, why)
            continue
        page.save()
        page.sites.add(settings.SITE_ID)
        known[url] = page.content
        kind.brought += 1
        if template and not page.template_name:
            other_template.append(f"{url}: {template}")
    if other_template:
        taking.report.note("Texts that had a template of their own, which is not here: they have ours.", other_template)
    if kept:
        taking.report.note("Texts that are here already and read otherwise: they stay as they are.", kept)


def _is_template(name: str) -> bool:
    try:
        return bool(name and get_template(name))
    except (TemplateDoesNotExist, ValueError, OSError):
        return False


# ---- OAuth2 ----------------------------------------------------------------------------------------------------


def bring_programs(taking: Taking) -> None:
    """Programs with their secrets; tokens do not come, their people agree once more."""
    kind = taking.report.kind("OAuth2 applications")
    rows = list(taking.source.rows("oauth2_provider_application"))
    kind.found = len(rows)
    if not apps.is_installed("oauth2_provider"):
        for row in rows:
            kind.leave(row.text("name") or row.text("client_id"), "OAuth2 is not installed here.")
        return
    model: Any = apps.get_model(PROGRAMS)
    known = set(model._default_manager.values_list("client_id", flat=True))
    for row in rows:
        program = _program(model, row, taking)
        if program.client_id in known:
            kind.there += 1
            continue
        why = "Its user did not come." if row.number("user_id") and not program.user_id else misfit(program)
        if why or not program.client_id:
            kind.leave(row.text("name") or row.text("client_id"), why or "It has no client id.")
            continue
        program.save()
        known.add(program.client_id)
        kind.brought += 1
    tokens = sum(taking.source.count(f"oauth2_provider_{name}") for name in ("accesstoken", "refreshtoken", "grant"))
    if tokens:
        taking.report.note(f"{tokens} tokens of OAuth2 programs did not come: people agree to such programs once more.")


def _program(model: Any, row: Row, taking: Taking) -> Any:
    """Unsaved; saving hashes a secret that lies there in the clear, as the toolkit does with every other."""
    owner = taking.person(row.number("user_id"))
    columns = ("client_id", "redirect_uris", "client_type", "authorization_grant_type", "client_secret", "name")
    newer = ("post_logout_redirect_uris", "algorithm", "allowed_origins")
    fields: dict[str, Any] = {name: row.text(name) for name in (*columns, *newer) if row.has(name)}
    ours = {field.name for field in model._meta.concrete_fields}
    program = model(**{name: value for name, value in fields.items() if name in ours})
    program.user_id = owner.pk if owner else None
    program.skip_authorization = row.flag("skip_authorization")
    if "hash_client_secret" in ours:
        program.hash_client_secret = row.flag("hash_client_secret", True)
    return program


STEPS: tuple[Any, ...] = (bring_site, bring_texts, bring_programs)
