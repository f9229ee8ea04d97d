"""The wake-up calls over a real beanstalkd."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import greenstalk
import pytest

from ganeti.jobqueue import JobQueue, NoQueue


class Broker:
    """A beanstalkd of this test's own, on a free port."""

    def __init__(self) -> None:
        binary = shutil.which("beanstalkd")
        if binary is None:
            pytest.fail("beanstalkd is not installed: contrib/install-test-packages installs it", pytrace=False)
        self.binary = binary
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([self.binary, "-l", "127.0.0.1", "-p", str(self.port)])
        while not self.queue().is_there():
            assert self.process.poll() is None, "beanstalkd ended at once"
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def queue(self, tube: str = "ganetimgr") -> JobQueue:
        return JobQueue("127.0.0.1", self.port, tube)


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.process.send_signal(signal.SIGCONT)
    broker.kill()


@pytest.mark.services
class TestJobQueue:
    def test_news_are_heard_once_and_in_order(self, broker: Broker) -> None:
        queue = broker.queue()
        assert queue.put_news("athens")
        assert queue.put_news("crete")
        assert [queue.reserve_news(1), queue.reserve_news(1), queue.reserve_news(0)] == ["athens", "crete", None]

    def test_news_reach_another_process_listening_before(self, broker: Broker) -> None:
        listener = broker.queue()
        assert listener.reserve_news(0) is None
        broker.queue().put_news("αθήνα")
        assert listener.reserve_news(1) == "αθήνα"

    def test_news_for_later_are_not_heard_now(self, broker: Broker) -> None:
        queue = broker.queue()
        queue.put_news("athens", after=1)
        assert queue.reserve_news(0) is None
        assert queue.reserve_news(3) == "athens"

    def test_tubes_are_apart(self, broker: Broker) -> None:
        broker.queue("one").put_news("athens")
        assert broker.queue("two").reserve_news(0) is None

    @pytest.mark.parametrize(
        "message", [b"", b"athens", b"\xff", b"[]", b'{"type": "OLDS", "cluster": "x"}', b'{"type": "NEWS"}']
    )
    def test_a_malformed_message_is_buried_and_the_next_one_heard(self, broker: Broker, message: bytes) -> None:
        with greenstalk.Client(("127.0.0.1", broker.port), encoding=None, use="ganetimgr") as client:
            client.put(message)
            queue = broker.queue()
            queue.put_news("athens")
            assert queue.reserve_news(1) == "athens"
            assert client.peek_buried().body == message

    def test_a_killed_broker_is_no_error(self, broker: Broker) -> None:
        queue = broker.queue()
        assert queue.reserve_news(0) is None  # it is connected
        broker.kill()
        assert queue.put_news("athens") is False
        assert queue.reserve_news(0) is None
        assert queue.is_there() is False

    def test_an_absence_is_logged_once(self, broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
        queue = broker.queue()
        broker.kill()
        for _ in range(3):
            queue.reserve_news(0)
        assert len([record for record in caplog.records if "is away" in record.message]) == 1

    def test_a_restarted_broker_is_found_again(self, broker: Broker) -> None:
        queue = broker.queue()
        assert queue.reserve_news(0) is None
        broker.kill()
        assert queue.reserve_news(0) is None
        broker.start()
        assert queue.put_news("athens")
        assert queue.reserve_news(2) == "athens"

    def test_a_broker_that_dies_while_we_wait_is_waited_for(self, broker: Broker) -> None:
        queue = broker.queue()
        assert queue.reserve_news(0) is None
        broker.kill()
        broker.start()  # our connection is dead, but nobody told us
        broker.queue().put_news("athens")
        assert queue.reserve_news(3) == "athens"

    def test_a_frozen_broker_takes_no_news_and_holds_nobody(self, broker: Broker) -> None:
        broker.process.send_signal(signal.SIGSTOP)
        assert broker.queue().put_news("athens") is False
        assert broker.queue().is_there() is False


def test_without_a_broker_nothing_is_said_or_heard() -> None:
    queue = NoQueue()
    assert queue.put_news("athens") is False
    assert queue.reserve_news(0) is None
    assert queue.is_there() is False


def test_a_broker_at_an_unknown_host_is_away() -> None:
    queue = JobQueue("nowhere.invalid", 11300, "ganetimgr")
    assert queue.put_news("athens") is False
    assert queue.reserve_news(0) is None
