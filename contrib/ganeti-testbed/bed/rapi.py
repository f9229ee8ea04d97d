"""A very small RAPI client. The product's own is what gets tested, so the testbed does not use it."""

import base64
import http.client
import json
import ssl
import time
from typing import Any

from .machine import Failure


class Unreachable(Failure):
    """RAPI did not answer at all."""


class Rapi:
    def __init__(self, port: int, user: str, password: str, timeout: float = 30) -> None:
        self.port = port
        self.timeout = timeout
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the decoded answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.timeout, context=self.context)
        headers = {"Accept": "application/json", "Authorization": self.authorization}
        data = None
        if body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"RAPI {method} {path} on port {self.port}: {error}") from error
        finally:
            connection.close()

    def ok(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer; any status but 200 raises Failure."""
        status, value = self.call(method, path, body)
        if status != 200:
            raise Failure(f"RAPI {method} {path}: {status} {value}")
        return value

    def answers(self) -> bool:
        try:
            return self.call("GET", "/2/info")[0] == 200
        except Unreachable:
            return False

    def wait_for_success(self, jobs: list[int], timeout: float = 120) -> None:
        """Returns when all jobs have ended well."""
        end = time.monotonic() + timeout
        for number in jobs:
            while (job := self.ok("GET", f"/2/jobs/{number}"))["status"] not in ("success", "error", "canceled"):
                if time.monotonic() > end:
                    raise Failure(f"job {number} is still {job['status']}")
                time.sleep(0.2)
            if job["status"] != "success":
                raise Failure(f"job {number} ({job['summary']}): {job['status']} {job['opresult']}")
