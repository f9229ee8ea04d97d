"""What we rely on in Ganeti, without a line of ours in between: where one of these fails, Ganeti has changed."""

from typing import Any

import pytest

from tests.plugins.real_ganeti import RealGaneti

NORMAL, UNKNOWN_FIELD, NOT_AVAILABLE = 0, 1, 3
NO_SUCH_JOB = 999_999


@pytest.fixture(scope="module")
def instance(real_ganeti):
    """The name of one instance for all tests here: each brings it into the state that it needs."""
    with real_ganeti.an_instance() as name:
        yield name


def query_jobs(ganeti: RealGaneti, numbers: list[object], fields: list[str]) -> list[list[list[Any]]]:
    """Rows of pairs (kind, value)."""
    question = {"fields": fields, "qfilter": ["|", *(["=", "id", number] for number in numbers)]}
    return ganeti.ok("PUT", "/2/query/job", question)["data"]


def newest_job(ganeti: RealGaneti) -> int:
    return max(int(job["id"]) for job in ganeti.ok("GET", "/2/jobs"))


def reason_given_by_us(job: dict[str, Any]) -> str | None:
    source, reason, _ = job["ops"][0]["reason"][0]
    return reason if source == "gnt:user" else None


class TestManyJobsInOneRequest:
    def test_those_asked_for_come_with_results_and_log(self, real_ganeti, instance):
        numbers = [real_ganeti.does("PUT", f"/2/instances/{instance}/shutdown")["id"] for _ in range(2)]
        rows = query_jobs(real_ganeti, numbers, ["id", "status", "opresult", "oplog"])
        assert rows == [[[NORMAL, number], [NORMAL, "success"], [NORMAL, [None]], [NORMAL, [[]]]] for number in numbers]

    def test_one_just_submitted_is_there_at_once_and_has_no_end(self, real_ganeti):
        number = int(real_ganeti.command("gnt-debug", "delay", "--print-jobid", "--submit", "2"))
        [[status, end]] = query_jobs(real_ganeti, [number], ["status", "end_ts"])
        assert status[1] in {"queued", "waiting", "running"}
        assert end == [NOT_AVAILABLE, None]

    def test_an_unknown_one_is_a_row_without_status(self, real_ganeti):
        rows = query_jobs(real_ganeti, [1, NO_SUCH_JOB], ["id", "status"])
        assert rows == [[[NORMAL, 1], [NORMAL, "success"]], [[NORMAL, NO_SUCH_JOB], [NOT_AVAILABLE, None]]]

    def test_an_archived_one_is_still_found(self, real_ganeti, instance):
        number = real_ganeti.does("PUT", f"/2/instances/{instance}/shutdown")["id"]
        real_ganeti.command("gnt-job", "archive", str(number))
        assert query_jobs(real_ganeti, [number], ["status", "archived"]) == [[[NORMAL, "success"], [NORMAL, True]]]
        assert number not in {job["id"] for job in real_ganeti.ok("GET", "/2/jobs?bulk=1")}

    def test_a_hundred_are_no_more_trouble_than_one(self, real_ganeti):
        assert len(query_jobs(real_ganeti, [*range(1, 101)], ["status"])) == 100

    def test_none_gives_no_rows(self, real_ganeti):
        assert query_jobs(real_ganeti, [], ["id"]) == []

    def test_a_field_of_another_version_does_not_spoil_the_others(self, real_ganeti):
        assert query_jobs(real_ganeti, [1], ["status", "no_such_field"]) == [
            [[NORMAL, "success"], [UNKNOWN_FIELD, None]]
        ]

    def test_numbers_written_as_text_are_refused(self, real_ganeti):
        status, _ = real_ganeti.ask("PUT", "/2/query/job", {"fields": ["id"], "qfilter": ["|", ["=", "id", "1"]]})
        assert status == 500


class TestReasons:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("PUT", "startup?"),
            ("PUT", "shutdown?"),
            ("POST", "reboot?type=hard&"),
            ("PUT", "tags?tag=a&"),
            ("DELETE", "tags?tag=a&"),
        ],
    )
    def test_one_in_the_query_is_the_first_of_the_trail(self, real_ganeti, instance, method, path):
        job = real_ganeti.does(method, f"/2/instances/{instance}/{path}reason=alice,+request+7f")
        assert reason_given_by_us(job) == "alice, request 7f"

    def test_one_beside_a_body_counts_as_well(self, real_ganeti, instance):
        path = f"/2/instances/{instance}/modify?reason=more+memory"
        assert reason_given_by_us(real_ganeti.does("PUT", path, {"beparams": {"memory": 256}})) == "more memory"

    def test_one_in_the_body_is_refused(self, real_ganeti, instance):
        assert real_ganeti.ask("PUT", f"/2/instances/{instance}/shutdown", {"reason": "text"})[0] == 400

    def test_reinstall_takes_none_beside_its_body(self, real_ganeti, instance):
        status, error = real_ganeti.ask("POST", f"/2/instances/{instance}/reinstall?reason=text", {"os": "noop"})
        assert (status, error["message"]) == (400, "Can&#x27;t combine query and body parameters")

    def test_reinstall_without_a_body_drops_it(self, real_ganeti, instance):
        number = real_ganeti.ok("POST", f"/2/instances/{instance}/reinstall?os=noop&nostartup=1&reason=text")
        assert reason_given_by_us(real_ganeti.job(number)) is None

    def test_a_letter_beyond_ascii_is_an_error_that_makes_no_job(self, real_ganeti, instance):
        before = newest_job(real_ganeti)
        status, error = real_ganeti.ask("PUT", f"/2/instances/{instance}/shutdown?reason=%CE%B1")
        assert status == 500
        assert "invalid character" in error["message"]
        assert newest_job(real_ganeti) == before


class TestWhetherWeMayChange:
    """A request to make an instance of no known version needs the right to write, and does nothing."""

    @pytest.mark.parametrize(("username", "status"), [("ganetimgr", 400), ("reader", 403), ("guest", 403)])
    def test_the_status_tells(self, real_ganeti, username, status):
        before = newest_job(real_ganeti)
        assert real_ganeti.ask("POST", "/2/instances", {"__version__": -1}, username=username)[0] == status
        assert newest_job(real_ganeti) == before


class TestVerbs:
    @pytest.mark.parametrize("kind", ["hard", "soft"])
    def test_rebooting_a_stopped_instance_starts_it(self, real_ganeti, instance, kind):
        real_ganeti.does("PUT", f"/2/instances/{instance}/shutdown")
        job = real_ganeti.does("POST", f"/2/instances/{instance}/reboot?type={kind}")
        [[[_, _, _, line]]] = job["oplog"]
        assert line == f" - INFO: Instance {instance} was already stopped, starting now"
        assert real_ganeti.instance(instance)["status"] == "running"

    def test_starting_a_running_instance_succeeds_and_does_nothing(self, real_ganeti, instance):
        real_ganeti.does("PUT", f"/2/instances/{instance}/startup")
        job = real_ganeti.does("PUT", f"/2/instances/{instance}/startup")
        assert job["opresult"] == [None]
        assert real_ganeti.instance(instance)["status"] == "running"

    def test_stopping_a_stopped_instance_succeeds(self, real_ganeti, instance):
        real_ganeti.does("PUT", f"/2/instances/{instance}/shutdown", {"timeout": 5})
        real_ganeti.does("PUT", f"/2/instances/{instance}/shutdown", {"timeout": 5})
        assert real_ganeti.instance(instance)["status"] == "ADMIN_down"

    def test_what_does_not_exist_is_a_job_that_fails_in_words(self, real_ganeti):
        number = real_ganeti.ok("PUT", "/2/instances/no-such.c1.ganeti.example/startup")
        job = real_ganeti.job(number)
        assert job["status"] == "error"
        assert job["opresult"] == [
            ["OpPrereqError", ["Instance 'no-such.c1.ganeti.example' not known", "unknown_entity"]]
        ]

    def test_what_is_missing_cannot_be_read(self, real_ganeti):
        assert real_ganeti.ask("GET", "/2/instances/no-such.c1.ganeti.example")[0] == 404
        assert real_ganeti.ok("GET", f"/2/jobs/{NO_SUCH_JOB}")["status"] is None

    def test_an_instance_is_made_and_removed(self, real_ganeti):
        with real_ganeti.an_instance(tags=["ganetimgr:users:alice"]) as name:
            assert real_ganeti.instance(name)["tags"] == ["ganetimgr:users:alice"]
        assert real_ganeti.ask("GET", f"/2/instances/{name}")[0] == 404


class TestRights:
    QUESTION = {"fields": ["name"]}

    def test_reader_may_query(self, real_ganeti):
        assert real_ganeti.ask("PUT", "/2/query/instance", self.QUESTION, username="reader")[0] == 200
        assert real_ganeti.ask("GET", "/2/query/instance?fields=name", username="reader")[0] == 200

    def test_guest_may_not_query(self, real_ganeti):
        assert real_ganeti.ask("PUT", "/2/query/instance", self.QUESTION, username="guest")[0] == 403
        assert real_ganeti.ask("GET", "/2/query/instance?fields=name", username="guest")[0] == 403

    @pytest.mark.parametrize("what", ["instances", "nodes", "groups", "networks", "jobs"])
    def test_guest_may_list(self, real_ganeti, what):
        assert real_ganeti.ask("GET", f"/2/{what}?bulk=1", username="guest")[0] == 200

    def test_reader_changes_nothing(self, real_ganeti, instance):
        assert real_ganeti.ask("PUT", f"/2/instances/{instance}/startup", username="reader")[0] == 403
        assert real_ganeti.ask("DELETE", f"/2/jobs/{NO_SUCH_JOB}", username="reader")[0] == 403
