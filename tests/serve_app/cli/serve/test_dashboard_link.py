from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from serve_app.cli.serve.dashboard_link import COOKIE, DashboardLink, ray_token
from serve_app.cli.serve.environment import write_token

DASHBOARD = "http://127.0.0.1:8265"


def link() -> DashboardLink:
    return DashboardLink(DASHBOARD, 8266, "the token")


def test_whoever_has_the_link_is_logged_in_at_the_dashboard() -> None:
    opened = link()
    answer = TestClient(opened.app).get(opened.url, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, DASHBOARD)
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert f'{COOKIE}="the token"' in cookie
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))


def test_whoever_guesses_gets_nothing() -> None:
    opened = link()
    for path in ("/", "/x", "/%C3%A9", opened.url + "x", opened.url[:-1]):
        answer = TestClient(opened.app).get(path, follow_redirects=False)
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers
    assert link().url != opened.url


def test_the_token_is_random_and_this_users_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_token(tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    first, second = (tmp_path / "a").read_text(), (tmp_path / "b").read_text()
    assert len(first) == 64
    assert first != second


def test_rays_token_is_found_where_ray_looks_for_it(tmp_path: Path) -> None:
    write_token(tmp_path / "a")
    named = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "a")}
    assert ray_token(named) == (tmp_path / "a").read_text()
    assert ray_token(named | {"RAY_AUTH_TOKEN": "given"}) == "given"
    assert ray_token(named | {"RAY_AUTH_MODE": "disabled"}) == ""
