"""A failure says which seed repeats it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.segmenters.parity.seed import SEED, VARIABLE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.sections.append(("Parity", f"{VARIABLE}={SEED} repeats this run"))
    return report
