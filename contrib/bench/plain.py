"""What a full collection is measured against: a plain program with threads that asks the same of the same clusters.

requests and json, a pool of 20 threads, nothing kept: `python -m contrib.bench.plain`, asked by helper.py's protocol.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
import urllib3

from contrib.bench.helper import serve
from ganeti.client import INSTANCE_FIELDS, NODE_FIELDS

THREADS = 20  # as many as ganeti.gather asks at once

Endpoint = dict[str, Any]


def collect(endpoints: list[Endpoint]) -> dict[str, float]:
    """Seconds, and seconds of the processor, that it takes to read everything about all clusters."""
    began, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        counts = list(pool.map(_read, endpoints))
    if not all(counts):
        raise RuntimeError("a cluster has no instances")
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - worked}


def _read(endpoint: Endpoint) -> int:
    """How many instances a cluster has, from the answers to the questions that our collector asks, too."""

    session = requests.Session()
    session.trust_env = False
    session.verify = False  # the certificates are the simulator's own
    session.auth = (endpoint["username"], endpoint["password"])
    session.headers["Content-Type"] = "application/json"

    def ask(method: str, path: str, body: Any = None) -> Any:
        address = f"https://{endpoint['host']}:{endpoint['port']}{path}"
        return json.loads(session.request(method, address, data=body and json.dumps(body), timeout=60).content)

    instances = ask("PUT", "/2/query/instance", {"fields": INSTANCE_FIELDS})["data"]
    ask("PUT", "/2/query/node", {"fields": NODE_FIELDS})
    ask("GET", "/2/groups?bulk=1")
    ask("GET", "/2/networks?bulk=1")
    ask("GET", "/2/info")
    ask("POST", "/2/instances", {"__version__": -1})
    return len(instances)


if __name__ == "__main__":
    urllib3.disable_warnings()
    serve({"collect": collect})
