"""What is measured, one function for each kind of figures. Each yields lines without the machine's own figure."""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from contrib.bench.figures import Figures, children, peak_mb, percentile, times
from contrib.bench.ganeti import CLICKERS
from contrib.bench.scene import LATENCY, Scene
from tests.site.running import Visitor

FAULTS: dict[str, dict[str, Any]] = {
    "silent": {"silence": True},
    "refusing": {"closed": True},
    "dripping": {"drip": 0.05},
}
FILTERS = {
    "status": "status=stopped",
    "cluster": "cluster=c002",
    "tag": "tag=ganetimgr:users:user00001",
    "search for a name": "q=vm0001",
    "search for an address": "q=10.0.0.7",
    "search for two words": "q=user00001+c002",
    "the last page": "page=1000000",
}
SEARCHES = {
    "a VM's name": "vm00012",
    "a part of every name": "vm",
    "an address": "10.0.0.7",
    "a MAC": "AA-00-00-00-00-07",
    "an owner": "user00001",
    "two words": "example c002",
    "nothing": "no-such-thing",
}
SORTS = ("name", "cluster", "node", "status", "cpus", "memory", "disk")
WARM_UP = 4  # pages
SEARCH = "search over everything"
OWNERS, FIRST, DETAIL = "owner's list", "superuser's first page", "detail"


@dataclass(frozen=True)
class Plan:
    """How much is done of everything."""

    rounds: int  # of the pages
    fault_rounds: int
    fault_turns: int
    collections: int
    clicks_alone: int
    clicks: int
    clients: int
    jobs: int
    jobs_last: tuple[float, float]


# ---- pages, on the server ---------------------------------------------------------------------------


def pages(scene: Scene, plan: Plan) -> Iterator[Figures]:
    """The pages while nothing changes; the first one also when a cluster has changed just before."""
    wanted = [
        (OWNERS, "alice", "/"),
        (f"{OWNERS}, 304", "alice", "/"),
        (FIRST, "dora", "/"),
        (f"{FIRST}, 304", "dora", "/"),
    ]
    wanted += [(f"{FIRST}, {name}", "dora", f"/?{query}") for name, query in FILTERS.items()]
    wanted += [(f"{FIRST}, by {sign}{key}", "dora", f"/?sort={sign}{key}") for key in SORTS for sign in ("", "-")]
    wanted += [(f"{SEARCH}, {name}", "dora", f"/search/?q={quote(text)}") for name, text in SEARCHES.items()]
    wanted += [(f"{SEARCH}, owner", "alice", "/search/?q=example")]
    wanted += _details(scene)
    for what, found in scene.web.ask("pages", wanted, plan.rounds).items():
        yield _page(what, found)
    changed = scene.slugs[: plan.rounds]
    yield _page(f"{FIRST}, a cluster changed", scene.web.ask("changed_pages", "dora", "/", changed))
    yield _page(f"{OWNERS}, a cluster changed", scene.web.ask("changed_pages", "alice", "/", changed))
    yield _page(f"{SEARCH}, a cluster changed", scene.web.ask("changed_pages", "dora", "/search/?q=vm", changed))


def faults(scene: Scene, plan: Plan) -> Iterator[Figures]:
    """The same pages by turns while all clusters are well, and while three of alice's are not."""
    faulty = dict(zip(scene.slugs, FAULTS.values(), strict=False))
    wanted = [(OWNERS, "alice", "/"), (FIRST, "dora", "/"), *_details(scene)]
    well: dict[str, list[float]] = {what: [] for what, _, _ in wanted}
    ill: dict[str, list[float]] = {what: [] for what, _, _ in wanted}
    requests = 0
    for _ in range(plan.fault_turns):
        for switches, samples in (({}, well), (faulty, ill)):
            scene.ganeti.ask("faults", switches)
            states = scene.web.ask("collect", list(faulty))
            if ("ok" in states) is bool(switches):
                raise RuntimeError(f"the clusters are {states}")
            for what, found in scene.web.ask("pages", wanted, plan.fault_rounds).items():
                samples[what] += found["seconds"]
                requests += found["rapi_requests"]
    scene.ganeti.ask("faults", {})
    scene.web.ask("collect", list(faulty))
    for what in well:
        change = percentile(ill[what], 0.95) / percentile(well[what], 0.95)
        found = {
            "p50_change": _ratio(statistics.median(ill[what]) / statistics.median(well[what])),
            "p95_change": _ratio(change),
        }
        yield {"what": f"{what}, {', '.join(FAULTS)}", **times(ill[what]), **found, "rapi_requests": requests}


def _details(scene: Scene) -> list[tuple[str, str, str]]:
    slug = scene.slugs[0]
    path = f"/instances/{slug}/{scene.web.ask('names_of', 'alice', slug)[0]}/"
    return [(DETAIL, "alice", path), (f"{DETAIL}, superuser", "dora", path)]


def _page(what: str, found: dict[str, Any]) -> Figures:
    counts = {name: found[name] for name in ("bytes", "queries", "store_reads", "rapi_requests")}
    first = {"first_ms": round(found["first"] * 1000, 1)} if "first" in found else {}
    return {"what": what, **times(found["seconds"]), "cpu_ms": times(found["cpu"])["p50_ms"], **first, **counts}


# ---- memory -----------------------------------------------------------------------------------------


def memory(scene: Scene) -> Iterator[Figures]:
    """One watcher that has collected all there is, and one web worker of gunicorn that was asked for every page."""
    with scene.watchers(1) as (watcher,):
        began = time.monotonic()
        scene.all_collected()
        yield {"what": "first collection by one watcher", "seconds": round(time.monotonic() - began, 1)}
        web = scene.site.start_web(workers=1)
        for person in ("alice", "dora"):
            visitor = scene.site.sign_in(person)
            for query in ("", *FILTERS.values(), *(f"sort={sign}{key}" for key in SORTS for sign in ("", "-"))):
                visitor.get(f"/?{query}").raise_for_status()
        yield {"what": "peak memory of a web worker", "mb": max(peak_mb(worker) for worker in children(web.pid))}
        yield {"what": "peak memory of a watcher", "mb": peak_mb(watcher.pid)}
        scene.site.kill_hard(web)


# ---- collecting -------------------------------------------------------------------------------------


def collecting(scene: Scene, plan: Plan) -> Iterator[Figures]:
    """Everything about all clusters: by our collector into the store, and by a plain program that keeps nothing."""
    plain = scene.helper("plain")
    ours, theirs = [], []
    for _ in range(plan.collections):
        ours.append(scene.web.ask("collect_everything"))
        theirs.append(plain.ask("collect", scene.endpoints))
    plain.stop()
    median = {
        name: statistics.median(found["seconds"] for found in both)
        for name, both in (("ours", ours), ("plain", theirs))
    }
    yield {
        "what": "full collection",
        "seconds": round(median["ours"], 2),
        "plain_seconds": round(median["plain"], 2),
        "cpu_seconds": round(statistics.median(found["cpu"] for found in ours), 2),
        "plain_cpu_seconds": round(statistics.median(found["cpu"] for found in theirs), 2),
        "times_plain": _ratio(median["ours"] / median["plain"]),
    }


# ---- clicks -----------------------------------------------------------------------------------------


def clicks(scene: Scene, plan: Plan) -> Iterator[Figures]:
    """Shut down, over HTTP from two workers, while two watchers follow: by one owner, then by many at once."""
    with scene.watchers(2):
        web = scene.site.start_web(workers=2)
        owned = {name: _targets(scene, name) for name in CLICKERS}
        visitors = {name: scene.site.sign_in(name) for name in CLICKERS[: max(plan.clients, 1)]}
        for visitor in visitors.values():  # each worker has served each of them before the clock runs
            for _ in range(WARM_UP):
                visitor.get("/").raise_for_status()
        first = CLICKERS[0]
        alone = [_click(visitors[first], target) for target in owned[first][: plan.clicks_alone]]
        yield {"what": "click on shut down, alone", **times(alone), "rapi_latency_ms": LATENCY * 1000}
        share = -(-plan.clicks // plan.clients)
        work = {name: owned[name][plan.clicks_alone :][:share] for name in visitors}
        together = _side_by_side(visitors, work)[: plan.clicks]
        what = f"click on shut down, {plan.clicks} by {plan.clients}"
        yield {"what": what, **times(together), "rapi_latency_ms": LATENCY * 1000}
        _until_all_ended(scene)
        scene.site.kill_hard(web)


def _targets(scene: Scene, owner: str) -> list[str]:
    """The addresses to which this owner's buttons post."""
    return [
        f"/instances/{slug}/{name}/shutdown/" for slug in scene.slugs for name in scene.web.ask("names_of", owner, slug)
    ]


def _click(visitor: Visitor, target: str) -> float:
    """Seconds until the answer, which tells the page to show the job."""
    fields = {"csrfmiddlewaretoken": visitor.session.cookies["csrftoken"], "next": "/"}
    began = time.perf_counter()
    answer = visitor.session.post(
        visitor.url + target, data=fields, headers={"HX-Request": "true"}, timeout=60, allow_redirects=False
    )
    taken = time.perf_counter() - began
    if answer.status_code != 302:
        raise RuntimeError(f"{target} answered {answer.status_code}")
    return taken


def _side_by_side(visitors: dict[str, Visitor], work: dict[str, list[str]]) -> list[float]:
    found: list[float] = []

    def click_all(visitor: Visitor, targets: Sequence[str]) -> None:
        for target in targets:
            found.append(_click(visitor, target))

    threads = [threading.Thread(target=click_all, args=(visitors[name], work[name])) for name in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


# ---- ends -------------------------------------------------------------------------------------------


def ends(scene: Scene, plan: Plan) -> Iterator[Figures]:
    """How long after Ganeti's own end our row knows, and how often Ganeti was asked for it."""
    scene.ganeti.ask("jobs_last", *plan.jobs_last)
    with scene.watchers(2):
        scene.all_collected()
        before = {(slug, number) for slug, number, _, _ in scene.web.ask("rows")}
        scene.ganeti.ask("requests")
        began = time.monotonic()
        taken = scene.web.ask("submit", plan.jobs, 16)
        submitted = time.monotonic() - began
        _until_all_ended(scene)
        seconds = time.monotonic() - began
        requests = scene.ganeti.ask("requests")
        real = scene.ganeti.ask("ends")
    rows = [row for row in scene.web.ask("rows") if tuple(row[:2]) not in before]
    late = [ended - real[slug][str(number)] for slug, number, state, ended in rows if state == "succeeded"]
    ticks = int(seconds / scene.web.ask("tick_seconds")) + 1
    yield {
        "what": f"end noticed, {plan.jobs} jobs",
        **times(late),
        "jobs": taken,
        "succeeded": len(late),
        "within_2s": sum(seconds <= 2 for seconds in late),
        "submitting_seconds": round(submitted, 1),
        "seconds": round(seconds, 1),
        "rapi_requests": requests,
        "rapi_requests_allowed": 2 * taken + scene.size.clusters * ticks,
    }


def _until_all_ended(scene: Scene) -> None:
    scene.site.until(lambda: not scene.web.ask("unfinished"), "all jobs to end", seconds=300)


def _ratio(number: float) -> float:
    return round(number, 2)
