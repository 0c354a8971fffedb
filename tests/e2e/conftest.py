from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from testing.applications import Applications, application
from testing.running_app import RunningApp
from tests.e2e.annotator import Annotator
from tests.e2e.visitor import Visitor, Visits
from tests.real_label_studio.fixtures import backend, backend_url, label_studio, store
from tests.real_label_studio.server import USER, LabelStudioServer

__all__ = ["backend", "backend_url", "label_studio", "store"]

_IOUS = pytest.StashKey[dict[str, float]]()
_FLAGS = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the editor must work without the internet
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, for these tests alone: no test may await anything beside it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    assert program, "no Chromium on PATH: run tests/e2e/install_chromium.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def page(browser: Browser) -> Page:
    """A page in a profile of its own."""
    return browser.new_page(viewport={"width": 1440, "height": 960})


@pytest.fixture(scope="package")
def annotator(page: Page, label_studio: LabelStudioServer) -> Annotator:
    """An annotator who has logged in."""
    annotator = Annotator(page, label_studio.url)
    annotator.log_in(USER, label_studio.password)
    return annotator


@pytest.fixture(scope="package")
def two_models(applications: Applications) -> Iterator[RunningApp]:
    """One model twice on one port, at / and at /second."""
    with applications.beside(application("second", {"model": "classical"})):
        yield applications.app


@pytest.fixture
def visits(browser: Browser, two_models: RunningApp) -> Iterator[Visits]:
    """Makes visitors with a profile each, and sees to it that each asked the backend alone."""
    made: list[Visitor] = []

    def visit(**profile: Any) -> Visitor:
        made.append(Visitor(browser, two_models.url, **profile))
        return made[-1]

    yield visit
    for visitor in made:
        visitor.leave()


@pytest.fixture
def ious(request: pytest.FixtureRequest) -> dict[str, float]:
    """What each stored mask shares with the truth, collected over the run and shown at its end."""
    return request.config.stash.setdefault(_IOUS, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the intersection over union of the masks that Label Studio stored."""
    if ious := config.stash.get(_IOUS, {}):
        terminalreporter.section("IoU of the stored masks with the truth")
        for name, iou in ious.items():
            terminalreporter.write_line(f"{iou:.3f}  {name}")
        terminalreporter.write_line(f"{np.mean(list(ious.values())):.3f}  mean")
