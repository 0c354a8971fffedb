"""What all tests are watched for, and what the tests of the running application share."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

import segmenters.runtimes  # noqa: F401  # before a test imports a runtime itself: this one tells nobody
from testing.canary import WATCH, judge, listening
from tests.imaging.fixtures import label_studio, other, pauses, server
from tests.shared import app, applications, durable, finds, other_cluster, real_label_studio

__all__ = [
    "app",
    "applications",
    "durable",
    "finds",
    "label_studio",
    "other",
    "other_cluster",
    "pauses",
    "real_label_studio",
    "server",
]

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


# What is imported and collected stays to the end; the garbage collector would look at it again and again.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on there is garbage."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_said() -> Iterator[None]:
    """Every log record and every error of every test is looked into for the canary."""
    with listening(WATCH):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test in which a secret turned up has failed."""
    report = yield
    judge(WATCH, report)
    return report


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same one in all processes among which xdist shares the tests out."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a further application or the other cluster comes late, so that they run only then; what ends
    one comes last."""

    def turn(item: pytest.Item) -> int:
        needed = getattr(item, "fixturenames", ())
        if item.get_closest_marker("ends_what_is_shared") is not None:
            return 3
        return 2 if "other_cluster" in needed else int("finds" in needed)

    items.sort(key=turn)
