"""Light, dark, or what the system says: a cookie remembers it, so that pages come in the right theme at once."""

from django.http import HttpRequest, HttpResponse

COOKIE = "theme"
CHOICES = ("auto", "light", "dark")
A_YEAR = 365 * 24 * 3600


def chosen(request: HttpRequest) -> str:
    """One of CHOICES; "auto" for who has not chosen."""
    wanted = request.COOKIES.get(COOKIE, "")
    return wanted if wanted in CHOICES else "auto"


def remember(response: HttpResponse, theme: str, *, secure: bool) -> None:
    """Readable by static/js/theme.js, which also sets it: that is why it is not httponly."""
    response.set_cookie(COOKIE, theme, max_age=A_YEAR, samesite="Lax", secure=secure)
