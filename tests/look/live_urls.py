"""The site's addresses and one page with a part that renews itself, whose answers the tests decide."""

from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.template import engines
from django.urls import path

from ganetimgr.urls import urlpatterns as of_the_site

PART = """
<div id="part" data-live="0.2" hx-get="{{ request.get_full_path }}" hx-trigger="live" hx-target="#part" hx-swap="morph">
  <p id="state" data-announce="web1">{{ word }}</p>
  <details id="more"><summary>More</summary>hidden</details>
  <input type="checkbox" id="box"><input id="typed" value="">
  <button type="button" popovertarget="menu" id="opener">Menu</button><div id="menu" popover class="menu">menu</div>
</div>
"""
PAGE = '{% extends "base.html" %}{% block live %}' + PART + "{% endblock %}"


class State:
    """What the next answers are; the tests change it."""

    word = "Running"
    status = 200
    answers: list[int] = []
    sign_out = False


def live(request: HttpRequest) -> HttpResponse:
    htmx = request.headers.get("HX-Request")
    etag = f'"{State.word} {"part" if htmx else "page"}"'
    if State.sign_out:
        logout(request)
        return redirect_to_login(request.get_full_path())
    if State.status == 404:
        raise Http404
    if htmx and State.status != 200:
        return HttpResponse("no", status=State.status)
    if htmx and request.headers.get("If-None-Match") == etag:
        State.answers.append(304)
        return HttpResponseNotModified()
    if htmx:
        State.answers.append(200)
    template = engines["django"].from_string(PART if htmx else PAGE)
    context: dict[str, Any] = {"word": State.word}
    return HttpResponse(template.render(context, request), headers={"ETag": etag, "Vary": "HX-Request"})


urlpatterns = [path("live/", live), *of_the_site]
