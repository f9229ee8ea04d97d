"""The page docs/promises.md, from the very lists that test_faults.py tries: `python -m tests.production.promises`."""

from tests.production import creations
from tests.production.faults import FAULTS
from tests.production.kills import KILLS, TAKEN_OVER, WATCHER_STEPS
from tests.site.running import ROOT

PAGE = ROOT / "docs" / "promises.md"

HEAD = """\
# What is promised when something fails

Every line is tried by `tests/production/test_faults.py` (short, in `make test`) and again and again, in any order and
with many clicks at once, by `make soak`: on real MariaDB, Redis, beanstalkd, nginx and gunicorn, with two web workers,
two watchers and three simulated clusters. This page is printed from the same lists, by
`python -m tests.production.promises`, and a test compares it.

Besides what the table says it is always true that

- nobody gets an error page: a page that cannot be made is a sentence with status 503;
- a job that runs goes on, and its end is written into the row and the history, once;
- Ganeti is asked for a change at most once, whatever is killed, and row, history and Ganeti tell the same story after;
- of a change of many VMs all is written down at the beginning, or nothing; each is asked for at most once, and what has
  not begun waits for a cluster that takes nothing for ten minutes, and then says so (`tests/site/test_batches.py`,
  `tests/clusters/test_steps.py`);
- the list of jobs shows what a cluster told last, and since when it is silent; a job is asked to be canceled once, and
  the history tells how that ended, or that nobody knows (`tests/clusters/test_jobs.py`);
- a mail server that is away delays mail and no page: what cannot leave is tried again for three days, and leaves once
  (`tests/production/test_mail.py`);
- all is as before when the fault has gone, and nothing that still runs has to be started again. (Killed workers are
  started by gunicorn; killed watchers by systemd, and until then others take over, after at most 15 seconds.)

"""

CREATIONS = """\
## Creations

What follows is tried by `tests/production/test_creations.py`. It is always true that

- of two who ask for one host name at the same moment one gets it and the other reads why not;
- of two who accept one application at the same moment, or of two clicks, one counts: one VM is made;
- a creation that does not reach Ganeti, or of which nobody knows the end, waits with a sentence, and is sent again by a
  person only; a VM that turns out to be there after all is not made again, and one that runs is not removed;
- what Ganeti keeps of a creation that failed is removed once, and then the VM is made, once;
- pages offer the images that a listing held when it last answered well, whatever it does now.

"""


def page() -> str:
    parts = [["part", "what happens to it", "people see meanwhile", "a change that somebody asks for meanwhile"]]
    parts += [[fault.part, fault.what, fault.pages, fault.click] for fault in FAULTS]
    killed = [["killed with -9", "when", "the person sees", "the change"]]
    killed += [[kill.part, kill.when, "a page that says: back in a moment", kill.words] for kill in KILLS]
    killed += [["watcher", when, "pages as always", TAKEN_OVER] for when in WATCHER_STEPS.values()]
    created = [["killed with -9", "when", "the creation of a VM, or its start"]]
    created += [["web, while somebody accepts", when, words] for when, words in creations.WEB_STEPS.items()]
    created += [["watcher", when, creations.TAKEN_OVER] for when in creations.WATCHER_STEPS.values()]
    created += [["watcher", when, words] for when, words in creations.CHORE_STEPS.values()]
    return f"{HEAD}{table(parts)}\n{table(killed)}\n{CREATIONS}{table(created)}"


def table(rows: list[list[str]]) -> str:
    head, *body = [f"| {' | '.join(cells)} |\n" for cells in rows]
    return "".join([head, f"|{'---|' * len(rows[0])}\n", *body])


if __name__ == "__main__":
    print(page(), end="")
