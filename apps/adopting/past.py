"""What was done and written: the audit log and the archive of notifications."""

import datetime
import ipaddress
from typing import Any

from apps.adopting.source import Row
from apps.adopting.taking import BATCH, Taking, in_bulk, misfit, times_as_given
from apps.audit.models import AuditEntry
from apps.notifications.models import Notification, Recipient

MARK = "adopted-"  # what an entry's request, or a notification's token, begins with: it is brought once
AUDIT_BATCH = 5000
SAY_EVERY = 50_000

Outcome = AuditEntry.Outcome


# ---- the audit log ---------------------------------------------------------------------------------------------


def bring_audit_log(taking: Taking) -> None:
    """Streamed: the log may have millions of rows. Each carries its old number where others have their request."""
    kind = taking.report.kind("audit log")
    total = taking.source.count("auditlog_auditentry")
    nobodys, addresses = 0, 0
    with times_as_given(AuditEntry):
        for batch in taking.source.batches("auditlog_auditentry", AUDIT_BATCH):
            entries = [_entry(row, taking) for row in batch]
            known = _known(entries)
            fresh = []
            for row, entry in zip(batch, entries, strict=True):
                why = misfit(entry)
                if entry.request_id in known:
                    kind.there += 1
                elif why:
                    kind.leave(f"number {row.id}", why)
                else:
                    fresh.append(entry)
                    nobodys += entry.requester_id is None
                    addresses += bool(row.text("ipaddress")) and entry.ipaddress is None
            in_bulk(AuditEntry, fresh)
            before, kind.found = kind.found, kind.found + len(batch)
            kind.brought += len(fresh)
            if before // SAY_EVERY != kind.found // SAY_EVERY:
                taking.say(f"Audit log: {kind.found} of {total}")
    if nobodys:
        taking.report.note(f"{nobodys} entries of the audit log name nobody, for their user is gone or did not come.")
    if addresses:
        taking.report.note(f"{addresses} entries of the audit log have no address here, for theirs was none.")
    if kind.brought:
        taking.report.note("How things ended was never noted by 2.x: its entries say “not recorded”.")


def _entry(row: Row, taking: Taking) -> AuditEntry:
    requester = taking.person(row.number("requester_id"))
    updated = row.moment("last_updated")
    recorded = row.moment("recorded") or updated or datetime.datetime.fromtimestamp(0, datetime.UTC)
    is_authorized = row.flag("is_authorized", True)
    cluster = row.text("cluster")
    job_id = row.number("job_id")
    return AuditEntry(
        requester_id=requester.pk if requester else None,
        requester_name=requester.name if requester else "",
        ipaddress=_address(row.text("ipaddress")),
        action=row.text("action"),
        instance=row.text("instance"),
        cluster=taking.slugs.get(cluster, cluster),
        job_id=job_id if job_id is None or job_id >= 0 else None,
        outcome=Outcome.UNRECORDED if is_authorized else Outcome.REFUSED,
        is_authorized=is_authorized,
        request_id=f"{MARK}{row.id}",
        recorded=recorded,
        last_updated=updated or recorded,
    )


def _known(entries: list[AuditEntry]) -> set[str]:
    """Which of these an earlier run brought: one query, by their times, which have an index."""
    times = [entry.recorded for entry in entries]
    among = AuditEntry.objects.filter(recorded__gte=min(times), recorded__lte=max(times))
    found = among.filter(request_id__in=[entry.request_id for entry in entries])
    return set(found.values_list("request_id", flat=True))


def _address(written: str) -> str | None:
    """The first address of an X-Forwarded-For, as 2.x kept it; None where it is none."""
    try:
        return str(ipaddress.ip_address(written.partition(",")[0].strip()))
    except ValueError:
        return None


# ---- notifications ------------------------------------------------------------------------------------------------


def bring_archive(taking: Taking) -> None:
    kind = taking.report.kind("notifications")
    known = set(Notification.objects.filter(token__startswith=MARK).values_list("token", flat=True))
    fresh: dict[str, Notification] = {}
    numbers: dict[int, str] = {}
    for row in taking.source.rows("notifications_notificationarchive"):
        kind.found += 1
        token = f"{MARK}{row.id}"
        if token in known:
            kind.there += 1
            continue
        sender = taking.person(row.number("sender_id"))
        notification = Notification(
            token=token,
            sender_id=sender.pk if sender else None,
            sender_name=sender.name if sender else "",
            subject=row.text("subject"),
            message=row.text("message"),
            date=row.moment("date") or datetime.datetime.fromtimestamp(0, datetime.UTC),
        )
        why = misfit(notification)
        if why:
            kind.leave(f"number {row.id}", why)
            continue
        fresh[token] = notification
        numbers[row.id] = token
    in_bulk(Notification, fresh.values())
    kind.brought += len(fresh)
    _bring_recipients(taking, numbers)


def _bring_recipients(taking: Taking, numbers: dict[int, str]) -> None:
    """To whom it was sent, by the address that they have now: 2.x kept no other."""
    kind = taking.report.kind("recipients of notifications")
    ours = dict(Notification.objects.filter(token__startswith=MARK).values_list("token", "pk"))
    dates = dict(Notification.objects.filter(token__startswith=MARK).values_list("token", "date"))
    have = set(ours) - set(numbers.values())  # brought by an earlier run, with all that it had
    written: set[tuple[int, str]] = set()
    fresh: list[Recipient] = []
    for row in taking.source.rows("notifications_notificationarchive_recipients"):
        kind.found += 1
        number = row.number("notificationarchive_id") or 0
        person, token = taking.person(row.number("user_id")), numbers.get(number, "")
        if f"{MARK}{number}" in have:
            kind.there += 1
        elif person is None or not token:
            kind.leave(f"number {row.id}", "Its user or its notification did not come.")
        elif not person.email or len(person.email) > 254:
            kind.leave(person.name, "There is no address any more.")
        elif (ours[token], person.email) in written:
            kind.unneeded += 1  # one mail for one address
        else:
            written.add((ours[token], person.email))
            fresh.append(
                Recipient(
                    notification_id=ours[token],
                    user_id=person.pk,
                    name=person.name,
                    address=person.email,
                    written_at=dates[token],
                    outcome=Recipient.Outcome.SENT,
                )
            )
            kind.brought += 1
        if len(fresh) >= BATCH * 5:
            in_bulk(Recipient, fresh)
            fresh = []
    in_bulk(Recipient, fresh)


STEPS: tuple[Any, ...] = (bring_audit_log, bring_archive)
