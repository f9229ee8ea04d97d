"""fab deploy --tag v3.1.0, here or with -H NAME on another machine; see README.md."""

import sys
from pathlib import Path
from typing import Any

from deployment import Deployment, DeploymentError
from fabric import task
from machine import Machine, MachineError
from paramiko import RejectPolicy, SSHException
from sites import Site, SiteError

SITE = "site.toml"


def carry_out(context: Any, site: str, what: str, *words: str, alone: bool = True) -> None:
    """Does it, one at a time for a site, and ends with a sentence where it cannot be done."""
    try:
        trust_known_hosts_only(context)
        deployment = Deployment(Machine(context), Site.read(Path(site)), say, ask)
        if not alone:
            getattr(deployment, what)(*words)
            return
        with deployment.machine.locked(deployment.site.home) as ours:
            if not ours:
                sys.exit(f"Somebody else deploys to {deployment.site.home} just now, or it is not there.")
            getattr(deployment, what)(*words)
    except (DeploymentError, MachineError, SiteError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted. “fab deploy” with the same tag goes on, “fab back” goes back.")
    except (OSError, SSHException) as error:
        sys.exit(f"The machine cannot be reached: {error}\n“fab status” says whether something was left half way.")


def trust_known_hosts_only(context: Any) -> None:
    """Fabric takes any key of a host that it does not know; what is deployed to must be what is meant."""
    if client := getattr(context, "client", None):
        client.load_system_host_keys()
        client.set_missing_host_key_policy(RejectPolicy())


def say(sentence: str) -> None:
    print(sentence, flush=True)


def ask(question: str) -> bool:
    """Whether somebody says yes; nobody is there where nothing can be typed."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


@task(help={"tag": "a tag of the repository", "site": "the site's file", "dry_run": "say what would be done"})
def deploy(context: Any, tag: str, site: str = SITE, dry_run: bool = False) -> None:
    """Makes a tag the release that runs; goes back by itself when a step fails."""
    if dry_run:
        carry_out(context, site, "plan", tag, alone=False)
    else:
        carry_out(context, site, "deploy", tag)


@task(help={"tag": "a tag of the repository", "site": "the site's file"})
def prepare(context: Any, tag: str, site: str = SITE) -> None:
    """Fetches a tag and makes its environment while people work on: maintenance is shorter then."""
    carry_out(context, site, "prepare", tag)


@task(help={"site": "the site's file"})
def back(context: Any, site: str = SITE) -> None:
    """Goes back to the release before, where a deployment was left half way."""
    carry_out(context, site, "back")


@task(help={"site": "the site's file"})
def status(context: Any, site: str = SITE) -> None:
    """Says what runs, which releases are there, and what was left half way."""
    carry_out(context, site, "status", alone=False)
