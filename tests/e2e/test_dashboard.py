"""Ray's dashboard by the link that `serve` prints."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from testing.running_app import RunningApp

pytestmark = pytest.mark.e2e


def test_the_link_opens_the_dashboard_and_nobody_is_asked_for_a_token(
    page: Page, backend: RunningApp
) -> None:
    page.goto(backend.dashboard_link)
    expect(page).to_have_url(f"{backend.dashboard}/#/overview")
    page.goto(f"{backend.dashboard}/#/serve")
    expect(page.get_by_text("segment-anything").first).to_be_visible()
    expect(page.get_by_text("token", exact=False)).to_have_count(0)
