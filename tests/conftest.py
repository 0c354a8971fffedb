"""What all tests are watched for, and what the tests of the running application share."""

from __future__ import annotations

import copy
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import yaml

from testing.canary import WATCH, judge, listening
from testing.running_app import ROOT, RunningApp, running_app
from tests.imaging.fixtures import label_studio, other, pauses, server

__all__ = ["label_studio", "other", "pauses", "server"]

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


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


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """configs/serve.yaml behind HAProxy, with a second application under /locked that asks for basic auth."""
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [first] = config["applications"]
    first["args"]["image_hosts"] = "*"
    second = copy.deepcopy(first)
    second |= {"name": "locked", "route_prefix": "/locked"}
    second["args"] |= {"basic_auth_user": "user", "basic_auth_pass": "pass", "max_body_mib": 1}
    config["applications"].append(second)
    path: Path = tmp_path_factory.mktemp("config") / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    with running_app(path, haproxy=True) as running:
        yield running
