"""Why nobody was let in, where "wrong password" would be wrong: kept with the request, from the backend to the form."""

from django.http import HttpRequest


def give(request: HttpRequest | None, sentence: str) -> None:
    if request is not None:
        request.__dict__["_refusal"] = sentence


def given(request: HttpRequest | None) -> str:
    """The sentence for who tried; empty where the usual one is right."""
    return str(getattr(request, "_refusal", ""))
