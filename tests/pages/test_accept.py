"""Who gets a page: browsers, and nobody who was answered in JSON before there were pages."""

import pytest

from pages.accept import prefers_page

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [BROWSER, "text/html", "TEXT/HTML; charset=utf-8", "application/json, text/html", "text/html;q=0.5"],
)
def test_a_browser_gets_a_page(accept: str) -> None:
    assert prefers_page(accept)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "text/*",
        "application/json",
        "application/json, text/html;q=0.9",
        "text/html;q=0",
        "text/html;q=nan",
        "text/html;q=much",
        "text/html;q=2",
        ";;,,=",
        "," * 10_000 + "text/html",
    ],
)
def test_everybody_else_gets_json(accept: str | None) -> None:
    assert not prefers_page(accept)
