"""Run on the site's machine by its Python: asks the web processes how all is, until it is well or patience ends.

probe.py ADDRESS HOST SECONDS [PART...]: the parts named may be away. Prints what is wrong, and ends with 1.
"""

import json
import sys
import time
import urllib.error
import urllib.request


def ask(address, host):
    """The status and the text of an answer; 0 and a sentence where there is none."""
    # As from the web server in front; straight to the process, without proxies of the environment
    request = urllib.request.Request(address, headers={"Host": host, "X-Forwarded-Proto": "https"})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, f"{address} does not answer: {getattr(error, 'reason', error)}"


def complaint(address, host, may_be_away):
    """What is wrong, in a line; empty when all is well."""
    status, text = ask(f"{address}/readyz", host)
    try:
        parts = json.loads(text)
    except ValueError:
        return text.strip()[:300] if status == 0 else f"/readyz answers with {status}"
    unwell = [f"{name}: {part['words']}" for name, part in parts.items() if not part["ok"] and name not in may_be_away]
    if unwell:
        return "; ".join(unwell)
    status, text = ask(f"{address}/user/login/", host)
    return "" if status == 200 else f"the sign-in page answers with {status}"


def main(address, host, seconds, *may_be_away):
    end = time.monotonic() + float(seconds)
    while wrong := complaint(address, host, may_be_away):
        if time.monotonic() > end:
            print(wrong)
            return 1
        time.sleep(0.3)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
