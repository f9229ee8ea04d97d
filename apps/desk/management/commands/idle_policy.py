"""`manage.py idle_policy`: marks, shuts down and, where that is wanted, destroys VMs whose owners do not sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.clusters import actions, leases
from apps.clusters.models import Cluster
from apps.desk.idle_policy import Deed, Policy, Rules, Survey, Verdict

DONE = {
    Deed.UNMARK: "given back",
    Deed.WARN: "marked",
    Deed.MARK: "marked",
    Deed.STOP: "shut down",
    Deed.CONDEMN: "marked for removal",
    Deed.DESTROY: "destroyed",
}


class Command(BaseCommand):
    help = (
        "Looks for VMs whose owners all have not signed in for IDLE_POLICY_DAYS days: writes to them and marks the VM, "
        "later shuts it down, writes again, and destroys it only with --destroy. An owner who signs in ends it all. "
        "Ends with 1 where a cluster had to be left alone or a change was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--days", type=int, help="another number of days than IDLE_POLICY_DAYS")
        parser.add_argument("--destroy", action="store_true", help="destroy VMs whose time has come, with all data")
        parser.add_argument(
            "--with-unowned", action="store_true", help="VMs too that nobody owns, or none who can be written to"
        )
        parser.add_argument("--cluster", action="append", default=[], help="only this one, by its short name")
        parser.add_argument("--at-most", type=int, default=50, help="so many steps in one run (50)")

    def handle(self, *args: Any, **options: Any) -> None:
        policy = Policy(_rules(options))
        is_dry = options["dry_run"]
        if not is_dry and not leases.somebody_watches():
            raise CommandError("No watcher is running: nobody would send the mails and follow the changes.")
        survey = policy.survey() if is_dry else policy.announce()
        refused = 0
        for verdict in sorted(survey.verdicts, key=lambda verdict: not verdict.is_to_be_done):
            refused += not self._say(verdict, policy, is_dry)
        self._sum_up(survey, is_dry)
        self._end(survey, refused)

    def _say(self, verdict: Verdict, policy: Policy, is_dry: bool) -> bool:
        """A line about this VM, for which what is to be done is done; False where it was refused."""
        name = "/".join(verdict.key)
        if not verdict.is_to_be_done:
            held = f" – but not now: {verdict.obstacle}" if verdict.obstacle else ""
            self.stdout.write(f"     {name}: {verdict.sentence}{held}")
            return True
        try:
            sentence = verdict.sentence if is_dry else policy.carry_out(verdict)
        except actions.Refused as refusal:
            self.stdout.write(f"  {self.style.ERROR('!!')} {name}: {verdict.sentence} – refused: {refusal}")
            return False
        self.stdout.write(f"  {self.style.WARNING('->')} {name}: {sentence}")
        return True

    def _sum_up(self, survey: Survey, is_dry: bool) -> None:
        deeds = [verdict.deed for verdict in survey.deeds if verdict.deed]
        counted = [(word, sum(DONE[deed] == word for deed in deeds)) for word in dict.fromkeys(DONE.values())]
        found = ", ".join(f"{count} {word}" for word, count in counted if count) or "nothing to do"
        told = {user.pk for verdict in survey.deeds for user in verdict.told}
        begin = "Would be done" if is_dry else "Asked for"
        self.stdout.write(f"{begin}: {found}; mails to {len(told)} people. {survey.in_use} VMs are in use.")
        if survey.waiting:
            self.stdout.write(f"{survey.waiting} steps wait for another run.")

    def _end(self, survey: Survey, refused: int) -> None:
        silent = ", ".join(view.slug for view in survey.silent)
        problems = []
        if silent:
            problems.append(f"Left alone, for nobody knows how they are now: {silent}.")
        if refused:
            problems.append(f"{refused} changes were refused.")
        if problems:
            raise CommandError(" ".join(problems))


def _rules(options: dict[str, Any]) -> Rules:
    """The options, checked."""
    if options["days"] is not None and not 0 < options["days"] < 36500:
        raise CommandError("The number of days has to be above 0 and below 36500.")
    if options["at_most"] < 1:
        raise CommandError("--at-most has to be above 0.")
    known = set(Cluster.objects.enabled().values_list("slug", flat=True))
    for slug in options["cluster"]:
        if slug not in known:
            raise CommandError(f"There is no cluster {slug}, or it is disabled.")
    days = {} if options["days"] is None else {"days": options["days"]}
    return Rules(
        **days,
        destroys=options["destroy"],
        with_unowned=options["with_unowned"],
        clusters=tuple(options["cluster"]),
        at_most=options["at_most"],
    )
