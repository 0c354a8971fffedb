"""The backend's own pages in a real browser: what they tell, in the dark too, and who can use them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pages.operations import OPERATIONS
from testing.label_studio_requests import captured
from testing.running_app import RunningApp
from tests.e2e.annotator import SCREENSHOTS
from tests.e2e.samples import BOTTLE, PEBBLES, bottle, middle, truth
from tests.e2e.visitor import Visitor, Visits

pytestmark = pytest.mark.e2e

PAGES = ("/", "/playground", "/diagnose", "/docs")
AXE = Path(__file__).parents[2] / ".cache" / "axe" / "axe.min.js"


def test_the_page_under_a_prefix_asks_the_application_of_that_prefix(visits: Visits) -> None:
    visitor = visits()
    visitor.visit("/second")
    assert visitor.page.url == f"{visitor.url}/second/"
    visitor.visit("/second/playground/")
    visitor.page.locator("#samples button").nth(BOTTLE).click()
    expect(visitor.page.locator("#said")).to_contain_text("is read and encoded")
    assert {url for url in visitor.asked if "predict" in url} == {f"{visitor.url}/second/predict"}


def test_the_other_pages_tell_what_the_backend_tells(visits: Visits, two_models: RunningApp) -> None:
    visitor = visits()
    visitor.visit("/")
    expect(visitor.page.locator("#model")).to_contain_text("classical-3")
    expect(visitor.page.locator("#parts")).to_contain_text("Label Studio")
    link = visitor.page.get_by_role("link", name="Ray's dashboard")
    expect(link).to_have_attribute("href", f"{two_models.dashboard}/")
    scraped = two_models.ray / "session_latest" / "metrics" / "prometheus" / "prometheus.yml"
    assert scraped.is_file()
    expect(visitor.page.locator("#links")).to_contain_text(f"--config.file={scraped}")
    visitor.screenshot(SCREENSHOTS / "status.png")
    visitor.page.request.post(f"{visitor.url}/predict", data="{")
    lost = captured("webhook_annotation_created")
    visitor.page.request.post(f"{visitor.url}/webhook", data=json.dumps(lost))
    visitor.visit("/diagnose")
    expect(visitor.page.locator("#failures")).to_contain_text("bad_request")
    expect(visitor.page.locator("#saved")).to_contain_text("task 4: 1 click for")
    expect(visitor.page.locator("#saved")).to_contain_text("press the tick")
    visitor.screenshot(SCREENSHOTS / "diagnose.png")
    visitor.visit("/docs")
    expect(visitor.page.locator("#said")).to_contain_text("Version")
    for method, path in OPERATIONS:
        expect(visitor.page.get_by_role("heading", name=f"{method} {path}", exact=True)).to_be_visible()
    visitor.screenshot(SCREENSHOTS / "interface.png")


def test_in_the_dark(visits: Visits) -> None:
    visitor = visits(color_scheme="dark")
    for path in PAGES:
        visitor.visit(path)
        ground = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, ground.removeprefix("rgb(").rstrip(")").split(","))) < 60
    visitor.visit("/playground")
    visitor.opens_sample(PEBBLES)
    visitor.gets(lambda: visitor.click(*middle(truth("touching", "tuned", 5))))
    visitor.screenshot(SCREENSHOTS / "playground-dark.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(browser: Browser, two_models: RunningApp, scheme: str) -> None:
    """axe-core, from npm by install_axe.sh. It writes markup of its own, so the policy is off here."""
    if not AXE.exists():
        pytest.skip("no axe-core here: tests/e2e/install_axe.sh fetches it where there is npm")
    visitor = Visitor(browser, two_models.url, bypass_csp=True, color_scheme=scheme)
    for path in PAGES:
        visitor.visit(path)
        expect(visitor.page.locator("#said")).to_contain_text(re.compile("Version|As of|Open a picture"))
        if path == "/playground":
            visitor.opens_sample(BOTTLE)
            visitor.gets(lambda: visitor.click(*middle(bottle())))
        visitor.page.evaluate(AXE.read_text())
        found = visitor.page.evaluate("axe.run()")["violations"]
        grave = [each for each in found if each["impact"] in ("serious", "critical")]
        told = [(each["id"], [node["html"] for node in each["nodes"]]) for each in grave]
        assert not told, path
    visitor.leave()
