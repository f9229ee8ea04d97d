"""How people choose an operating system: cards where there are few, a list in groups where there are many."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from ganeti.images import Image

CARDS = 12  # at most; a longer choice is a list that can be searched
Choices = list[tuple[Any, Any]]


class _MarksSystems:
    """Options of systems that take SSH keys are marked, so that the page can say what becomes of one's keys."""

    taking_keys: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)  # type: ignore[misc]
        if str(value) in self.taking_keys:
            option["attrs"]["data-takes-keys"] = True
        return option


class SystemCards(_MarksSystems, forms.RadioSelect):
    pass


class SystemList(_MarksSystems, forms.Select):
    pass


def offer(field: forms.ChoiceField, catalogue: Mapping[str, Image], *, gone: Choices, cards: bool) -> None:
    """Fills a field with the systems of the catalogue. `gone` are shown, too, but cannot be taken any more."""
    images = list(catalogue.values())
    widget = SystemCards(attrs={"class": "form-check-input"}) if cards and len(images) <= CARDS else SystemList()
    widget.taking_keys = frozenset(image.id for image in images if image.takes_keys)
    field.widget = widget
    widget.is_required = field.required
    field.choices = grouped(images) if len(images) > CARDS else labelled(images)
    widget.choices = [*gone, *field.choices]


def labelled(images: Iterable[Image]) -> Choices:
    """(id, description) of each; with the id where two are described alike."""
    images = list(images)
    count = Counter(image.description for image in images)
    return [
        (image.id, image.description if count[image.description] == 1 else f"{image.description} ({image.id})")
        for image in images
    ]


def grouped(images: Iterable[Image]) -> Choices:
    """The choices under the first word of their descriptions, where several begin alike; the others before them."""
    families: dict[str, Choices] = {}
    for choice in labelled(images):
        families.setdefault(choice[1].split(maxsplit=1)[0] if choice[1].split() else "", []).append(choice)
    alone = [choice for family in families.values() if len(family) == 1 for choice in family]
    return [*alone, *((word, family) for word, family in families.items() if len(family) > 1)]
