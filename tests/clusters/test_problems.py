"""What goes wrong with a cluster is told in the reader's language, whoever said it first."""

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from accounts.retelling import retold
from apps.audit.models import AuditEntry
from apps.audit.shown import ShownEntry
from apps.clusters import actions, problems
from apps.clusters.models import Cluster, Job
from apps.clusters.shown import ShownJob
from ganeti import errors
from ganeti.inventory import Head

# Texts in ganeti/ with a blank in them that no person reads as ours.
NOT_OURS = {
    "Fingerprints did not match",  # urllib3 says so
    "queue (is )?(drained|full)",  # Ganeti says so
}
SPEAKERS = ["transport.py", "client.py", "gather.py", "inventory.py"]


def phrases(module: str) -> list[str]:
    """Every text in a module of ganeti/ that may reach a person, with X for what varies."""
    tree = ast.parse((Path(settings.BASE_DIR) / "ganeti" / module).read_text())
    return sorted({text for text in _texts(tree) if _is_phrase(text)} - NOT_OURS)


def _texts(node: ast.AST) -> list[str]:
    """All literals below `node` except docstrings and what is logged."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger."):
        return []
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)]
    return [text for child in ast.iter_child_nodes(node) for text in _texts(child)]


def _is_phrase(text: str) -> bool:
    """Words with blanks between them, and not only placeholders and a path: "{host} refuses ..."."""
    return sum(word.islower() for word in text.replace("(", " ").split()) > 1 or text.startswith("status ")


@pytest.mark.parametrize(
    "phrase", [pytest.param(phrase, id=phrase[:40]) for module in SPEAKERS for phrase in phrases(module)]
)
def test_every_phrase_of_ours_below_django_is_told_in_greek(phrase):
    spoken = phrase.format_map(Anything())
    with translation.override("el"):
        assert retold(spoken) != spoken


class Anything(dict):
    """For str.format: whatever is asked for is an X with whatever attribute."""

    def __missing__(self, key):
        return type("X", (), {"__str__": lambda self: "X", "__getattr__": lambda self, name: "X"})()


def test_the_phrases_are_found_at_all():
    """The test above would also pass with no phrase to look at."""
    found = [phrase for module in SPEAKERS for phrase in phrases(module)]
    assert {"no answer within X s", "the answer is not JSON", "there is no instance X"} <= set(found)
    assert len(found) >= len(problems.OF_GANETI)


def test_an_error_is_a_whole_sentence_in_greek():
    silence = errors.Unreachable("east", "no answer within 15 s", asked="PUT /2/query/instance")
    assert problems.sentence(silence, "East") == "East does not answer: no answer within 15 s."
    with translation.override("el"):
        told = problems.sentence(silence, "East")
    assert told == "Η συστοιχία East δεν απαντά: δεν ήρθε απάντηση μέσα σε 15 δευτερόλεπτα."


def test_ganetis_own_words_stay_as_they_are():
    words = "Instance web1 is locked by job 12\n(see gnt-job info)"
    with translation.override("el"):
        assert problems.sentence(errors.Failed("east", words), "East").endswith(words)
        assert retold(words) == words


def test_a_percent_sign_in_ganetis_words_does_no_harm():
    assert problems.sentence(errors.Failed("east", "disk is 100% full"), "East") == "East says: disk is 100% full"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (errors.WrongCertificate, "East presents another certificate than the one this site trusts."),
        (errors.WrongPassword, "East does not accept this site's user name and password."),
        (errors.NotAllowed, "East lets this site look, but not change anything."),
        (errors.Busy, "East takes no jobs now: why"),
        (errors.BrokenAnswer, "East gave an answer that cannot be read: why."),
        (errors.Missing, "East says: why"),
    ],
)
def test_each_kind_of_error_has_its_sentence(kind, sentence):
    assert problems.sentence(kind("east", "why"), "East") == sentence


def test_a_silent_clusters_notice_names_it_once_and_leaves_the_request_to_the_log():
    error = errors.Unreachable("east", "no connection within 8 s", asked="PUT /2/query/instance")
    head = Head("east", state="unreachable", error=str(error))
    assert problems.of_head(head, "East") == "East does not answer: no connection within 8 s."


def test_a_cluster_that_is_well_has_no_sentence():
    assert problems.of_head(Head("east", state="ok"), "East") == ""


# ---- what is stored is told to each reader -------------------------------------------------------------------


@pytest.fixture
def failed_job(people):
    """A start that Ganeti refused, asked for by somebody who reads Greek."""
    cluster = Cluster.objects.create(slug="east", hostname="east.example.org", description="East")
    entry = AuditEntry.objects.create(requester=people["alice"], requester_name="alice", action="Start")
    row = Job.objects.create(
        cluster=cluster,
        instance="web1",
        kind=Job.Kind.STARTUP,
        holds="east/web1",
        audit_entry=entry,
        requested_by=people["alice"],
    )
    with translation.override("el"):
        actions.fail(row, problems.in_english(errors.Unreachable("east", "no answer within 15 s"), "East"))
    return Job.objects.get()


def test_a_failure_is_told_in_the_language_of_who_reads_it_not_of_who_asked(failed_job, people):
    assert ShownJob.of(failed_job, people["alice"]).error == "East does not answer: no answer within 15 s."
    with translation.override("el"):
        assert ShownJob.of(failed_job, people["alice"]).error.startswith("Η συστοιχία East δεν απαντά: δεν ήρθε")


def test_the_history_tells_it_in_the_readers_language_too(failed_job, people):
    with translation.override("el"):
        note = ShownEntry(failed_job.audit_entry, people["alice"], sees_everything=False).note
    assert note.startswith("Η συστοιχία East δεν απαντά")


@pytest.mark.parametrize("sentence", [problems.FORGOTTEN % {"job": 12}, problems.NEVER_SEEN])
def test_what_a_watcher_gave_up_is_told_in_greek(sentence):
    with translation.override("el"):
        assert "εικονική μηχανή" in retold(sentence)
