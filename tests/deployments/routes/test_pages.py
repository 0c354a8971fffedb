"""Pages for browsers, beside answers for everybody else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from pages.files import SECURITY_HEADERS, read_files
from tests.deployments.ingress_door import Door

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = {"/": "Status", "/diagnose": "Diagnose", "/playground": "Playground", "/docs": "Interface"}


@pytest.mark.parametrize("path", PAGES)
async def test_a_browser_gets_a_page_with_its_policy(path: str, door: Door) -> None:
    answer = await door.client.get(path, headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<h1>{PAGES[path]}</h1>" in answer.text
    assert SECURITY_HEADERS.items() <= {
        name.title(): value for name, value in answer.headers.items()
    }.items() | {(name, answer.headers[name]) for name in SECURITY_HEADERS}


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
@pytest.mark.parametrize("path", ["/", "/diagnose", "/health"])
async def test_whoever_asks_for_no_page_is_answered_in_json(
    path: str, accept: str | None, door: Door
) -> None:
    """Label Studio's health check and curl send `*/*`."""
    door.client.headers.pop("accept")
    plain = Door(pages=False)
    plain.client.headers.pop("accept")
    headers = {} if accept is None else {"accept": accept}
    answer, before = [await each.client.get(path, headers=headers) for each in (door, plain)]
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == before.json()


@pytest.mark.parametrize("path", ["/", "/diagnose"])
async def test_a_cache_keeps_both_answers_apart(path: str, door: Door) -> None:
    for headers in ({}, BROWSER):
        assert (await door.client.get(path, headers=headers)).headers["vary"] == "Accept"


async def test_health_is_json_for_browsers_too(door: Door) -> None:
    assert (await door.client.get("/health", headers=BROWSER)).json()["status"] == "UP"


@pytest.mark.parametrize("name", read_files())
async def test_every_file_is_served_once(name: str, door: Door) -> None:
    answer = await door.client.get(f"/pages/{name}")
    assert answer.content == read_files()[name].content
    again = await door.client.get(f"/pages/{name}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "../files.py",
        "%2e%2e/files.py",
        "..%2ffiles.py",
        "/etc/passwd",
        "playground/",
        "",
        "a%00",
    ],
)
async def test_no_other_file_is_served(name: str, door: Door) -> None:
    answer = await door.client.get(f"http://localhost/pages/{name}")
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "detail"}
    await door.settle()
    assert not door.graph.failures, "whoever looks for files is no failure of anybody's"


@pytest.mark.parametrize(
    ("path", "to"),
    [("/playground/", "/playground"), ("/diagnose/", "/diagnose"), ("/docs/", "/docs")],
)
async def test_a_slash_at_the_end_leads_a_browser_to_the_page_on_the_same_host(
    path: str, to: str, door: Door
) -> None:
    answer = await door.client.get(path, headers={**BROWSER, "host": "evil.example"})
    assert answer.status_code == 307
    location = answer.headers["location"]
    assert location.startswith(".")
    assert httpx.URL("http://localhost" + path).join(location).path == to


async def test_behind_a_prefix_the_page_ends_in_a_slash(door: Door) -> None:
    app = door.ingress.__serve_build_asgi_app__()

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/mobile_sam"}, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(mounted), base_url="http://localhost"
    ) as client:
        for path in ("/mobile_sam/", "/mobile_sam/playground", "/mobile_sam/pages/style.css"):
            assert (await client.get(path, headers=BROWSER)).status_code == 200, path
        led = await client.get("/mobile_sam", headers=BROWSER)
        assert (led.status_code, led.headers["location"]) == (307, "./mobile_sam/")
        assert (await client.get("/mobile_sam")).status_code == 404
        assert json.loads((await client.get("/mobile_sam/health")).text)["status"] == "UP"


async def test_a_head_request_has_the_headers_alone(door: Door) -> None:
    answer = await door.client.head("/playground", headers=BROWSER)
    assert (answer.status_code, answer.headers["etag"]) == (200, read_files()["playground.html"].etag)


async def test_pages_ask_for_the_password() -> None:
    door = Door(basic_auth_user="user", basic_auth_pass="pass")
    for path in (*PAGES, "/openapi.json", "/pages/style.css"):
        assert (await door.client.get(path, headers=BROWSER)).status_code == 401
        assert (await door.client.get(path, headers=BROWSER, auth=("user", "pass"))).status_code == 200


async def test_without_pages_there_are_the_routes_alone() -> None:
    door = Door(pages="off")
    for path in ("/playground", "/docs", "/openapi.json", "/pages/style.css"):
        assert (await door.client.get(path, headers=BROWSER)).status_code == 404
    assert (await door.client.get("/", headers=BROWSER)).json()["status"] == "UP"
    assert "vary" not in (await door.client.get("/")).headers
