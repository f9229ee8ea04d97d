"""Which names instances can be given: another room keeps the rules, this one knows what is promised already."""

from typing import Protocol

from django.utils.functional import Promise

from apps.clusters.models import InstanceAction, Job

Where = tuple[str, str]  # a cluster's slug and an instance's name


class Rules(Protocol):
    """What a room that keeps the rules answers."""

    def tidied(self, name: str) -> str:
        """`name` as it is stored."""

    def why_not(self, name: str, *, renaming: Where) -> str | Promise:
        """The sentence that says why that instance cannot be called so; empty for a good, free name."""


_rules: list[Rules] = []


def register(rules: Rules) -> None:
    """From an app's `ready`; the last ones count."""
    _rules[:] = [rules]


def tidied(name: str) -> str:
    return _rules[0].tidied(name)


def why_not(name: str, *, renaming: Where) -> str | Promise:
    return _rules[0].why_not(name, renaming=renaming)


def is_promised(name: str, *, but: Where | None = None) -> bool:
    """Whether an instance is about to get this name, other than the one at `but`."""
    wishes = InstanceAction.objects.filter(kind=InstanceAction.Kind.RENAME, details__new_name=name)
    jobs = Job.objects.unfinished().only("kind", "details", "then")
    if but:
        wishes = wishes.exclude(cluster__slug=but[0], instance=but[1])
        jobs = jobs.exclude(cluster__slug=but[0], instance=but[1])
    if any(wish.is_good for wish in wishes):
        return True
    return any(name in _names_to_come(job) for job in jobs)


def _names_to_come(job: Job) -> list[str]:
    steps = [(job.kind, job.details), *((step["kind"], step["details"]) for step in job.then)]
    return [details["new_name"] for kind, details in steps if kind == Job.Kind.RENAME]
