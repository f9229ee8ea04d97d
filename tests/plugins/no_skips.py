"""A skipped test counts as a failed one, with `-p tests.plugins.no_skips`, as .ci/run has it.

Where everything that a test needs is installed or started, a skip would only hide that it was not.
"""

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure is reported as a skip, too, and is none
    if report.skipped and not hasattr(report, "wasxfail"):
        make_it_a_failure(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        make_it_a_failure(report)
    return report


def make_it_a_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    # Of a skip pytest keeps the place and the sentence
    reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longreprtext
    report.outcome = "failed"
    report.longrepr = f"{reason} (no test may be skipped here)"
