"""A state as people read it: a word, an icon of static/icons.svg and a colour family. Never a colour alone."""

from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Status:
    """A state; `family` is one of ok, idle, work, warn, bad, hold."""

    word: Text
    icon: str
    family: str
    explanation: Text = ""
