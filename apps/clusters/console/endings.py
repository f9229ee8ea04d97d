"""Why a console does not begin, or ends: as WebSocket close codes, for each of which the page has a sentence."""

from typing import NamedTuple


class Ending(NamedTuple):
    """A close code with a reason for whoever reads logs and protocols; at most 123 bytes of it travel."""

    code: int
    reason: str


BROWSER_LEFT = Ending(1000, "the browser left")
NOT_UNDERSTOOD = Ending(1002, "this is not how WebSockets speak")
NO_TEXT = Ending(1003, "only bytes are understood here")
TOO_LARGE = Ending(1009, "the message is too large")
SCREEN_CLOSED = Ending(4000, "the VM closed its screen")
NOT_ALLOWED = Ending(4001, "not allowed, or not any more")
SESSION_ENDED = Ending(4002, "the session has ended")
NO_SCREEN = Ending(4003, "the VM has no screen now")
TOO_MANY = Ending(4004, "too many consoles are open here")
TOO_MANY_OF_YOURS = Ending(4005, "too many consoles of this person are open")
NODE_SILENT = Ending(4006, "the node does not answer")
WANTS_TLS = Ending(4007, "the screen wants TLS")
WANTS_PASSWORD = Ending(4008, "the screen wants a password that is not known here, or another one")
NOT_VNC = Ending(4009, "what answers is no VNC server")
STOPPING = Ending(4010, "the console process stops")
BROWSER_SILENT = Ending(4011, "the browser does not answer")
OUT_OF_ORDER = Ending(4012, "what has to be asked cannot be asked now")


class Ended(Exception):
    """It cannot begin, or go on."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


class Refused(Exception):
    """No WebSocket at all: an HTTP status with a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
