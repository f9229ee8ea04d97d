"""A notification while it is being written: everything that the page shows, from what the form says."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.http import QueryDict

from apps.notifications import recipients, sending, wording
from apps.notifications.forms import NotificationForm, SearchForm
from apps.notifications.models import new_token
from apps.notifications.recipients import KINDS, Choice, Found, Person

PEOPLE_SHOWN = 100


class Compose:
    """The form's state is what its fields say: chosen recipients, search, subject, text, whose preview is open."""

    def __init__(self, data: QueryDict | None = None, chosen: Iterable[str] = (), *, checked: bool = False) -> None:
        data = data or QueryDict()
        self.data = data
        self.chosen = _changed([*chosen, *data.getlist("recipient")], data)
        self.search = SearchForm(data)
        self.form = NotificationForm(data if checked else None, initial=_typed(data))
        self.checked = checked
        token = data.get("token", "")
        self.token = token if len(token) == 32 and token.isalnum() else new_token()

    @cached_property
    def found(self) -> Found:
        return recipients.resolve(self.chosen)

    @property
    def results(self) -> list[Choice]:
        """What the search found and is not chosen yet."""
        return [
            one for one in recipients.search(self.search.chosen_kind, self.search.words) if one.id not in self.chosen
        ]

    @property
    def has_searched(self) -> bool:
        return len(self.search.words) >= recipients.SHORTEST_SEARCH

    @property
    def kinds(self) -> list[dict[str, Any]]:
        chosen = self.search.chosen_kind
        return [{"value": value, "word": word, "is_current": value == chosen} for value, word in KINDS.items()]

    @property
    def people(self) -> list[Person]:
        return self.found.people[:PEOPLE_SHOWN]

    @property
    def people_not_shown(self) -> int:
        return max(len(self.found.people) - PEOPLE_SHOWN, 0)

    @property
    def reader(self) -> Person | None:
        """Whose mail is shown: the one asked for, else the first."""
        wanted = self.data.get("show", "")
        people = self.found.people
        return next((person for person in people if person.name == wanted), people[0] if people else None)

    @property
    def preview(self) -> str:
        """The text as `reader` will read it; empty while it cannot be filled in."""
        message = self.data.get("message", "").replace("\r\n", "\n")
        if not message.strip() or self.reader is None:
            return ""
        try:
            return sending.filled(message, self.reader.vms, self.reader.called)
        except wording.Wrong:
            return ""

    @property
    def subject(self) -> str:
        return self.data.get("subject", "")


def _changed(chosen: list[str], data: QueryDict) -> list[str]:
    """What is chosen after a click on one of the buttons beside the results and the chosen ones."""
    added, taken = data.get("add", ""), data.get("remove", "")
    found = [one for one in dict.fromkeys([*chosen, *([added] if added else [])]) if one != taken]
    return [one[:300] for one in found][: recipients.MOST_CHOSEN]


def _typed(data: QueryDict) -> dict[str, str]:
    return {name: str(data[name]) for name in ("subject", "message") if name in data}
