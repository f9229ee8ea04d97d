"""News, the site's texts about itself, and the way to them in the reader's language."""

from django.contrib.flatpages.views import flatpage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import feed
from apps.pages import texts


@require_safe
def news(request: HttpRequest) -> HttpResponse:
    """The site's news, for everybody: as the watcher found them last."""
    return render(request, "pages/news.html", {"news": feed.latest()})


@require_safe
def about(request: HttpRequest, slug: str) -> HttpResponse:
    """To a text about the site, in the reader's language if it was written in it."""
    url = texts.find(slug, get_language() or "")
    if url is None:
        raise Http404(_("There is no such text."))
    return redirect(url)


@require_safe
def text(request: HttpRequest, slug: str, language: str) -> HttpResponse:
    """A text about the site; one that asks for it is for those who are signed in."""
    return flatpage(request, texts.address(slug, language))
