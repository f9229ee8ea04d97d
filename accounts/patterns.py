"""Sample data for the page with every component. Nothing of it is real; nobody but developers sees it."""

import datetime
from types import SimpleNamespace
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.utils import timezone

from accounts.looks import Status


class SampleForm(forms.Form):
    host = forms.CharField(label="Host name", help_text="A full name with at least one dot.")
    disk = forms.IntegerField(label="Disk, GiB", required=False, min_value=2, max_value=50)
    system = forms.ChoiceField(label="System", choices=[("debian", "Debian 12"), ("rocky", "Rocky Linux 9")])
    off = forms.CharField(label="Not now", required=False, disabled=True, initial="Stop the VM first")


def context() -> dict[str, Any]:
    """What templates/patterns.html shows."""
    started = timezone.now() - datetime.timedelta(minutes=3)
    form = SampleForm({"host": "web2.example.org", "disk": "500", "system": "debian"})
    rebooting = Status("Rebooting", "arrow-repeat", "work")
    lines = [
        "Job accepted, waiting for the lock on web1.example.org",
        "Shutting down the instance",
        "Starting it on node3",
    ]
    return {
        "statuses": [
            [
                Status("Running", "play-circle-fill", "ok"),
                Status("Stopped", "stop-circle", "idle"),
                rebooting,
                Status("Failed", "x-octagon-fill", "bad"),
                Status("Node is down", "exclamation-triangle-fill", "warn"),
                Status("Held", "lock-fill", "hold"),
            ],
            [
                Status("Queued", "hourglass-split", "idle"),
                Status("Cancelled", "slash-circle", "idle"),
                Status("Done", "check-circle-fill", "ok"),
                Status("Refused", "shield-exclamation", "warn"),
            ],
        ],
        "tags": [
            Status("Needs reboot", "arrow-clockwise", "warn"),
            Status("Isolated", "shield-exclamation", "hold"),
            Status("Locked", "lock-fill", "idle"),
            Status("Maintenance", "hourglass-split", "work"),
            Status("Broken disk", "x-octagon-fill", "bad"),
            Status("Default", "check-lg", "ok"),
            Status("mail server", "", "plain"),
        ],
        "notices": [
            {"lead": "Your keys are used at the next reinstallation.", "text": "Running VMs keep theirs."},
            {"lead": "Saved.", "text": "It takes effect at the next reboot.", "family": "ok"},
            {"lead": "East has not answered for 3 min.", "text": "Its 2 VMs are as of 14:02.", "family": "warn"},
            {
                "lead": "The start failed.",
                "text": "The node ran out of memory.",
                "more": "Nothing changed. Try again, or ask for another node.",
                "family": "bad",
            },
        ],
        "job": SimpleNamespace(
            status=rebooting, started=started, who="", job_id=48211, log=[(started, line) for line in lines]
        ),
        "form": form,
        "meters": [
            {"percent": 48, "left": "66 of 128 GiB free"},
            {"percent": 83, "left": "22 of 128 GiB free"},
            {"percent": 95, "left": "6 of 128 GiB free"},
        ],
        "sample_messages": [
            Message("web1.example.org is running again", "success"),
            Message("The start failed", "error"),
        ],
        "page": Paginator(range(412), 10).page(2),
    }


class Message(str):
    """A message of django.contrib.messages, as far as templates look at it."""

    level_tag: str

    def __new__(cls, text: str, level_tag: str) -> "Message":
        message = super().__new__(cls, text)
        message.level_tag = level_tag
        return message
