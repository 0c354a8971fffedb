from __future__ import annotations

import pytest

from cluster.healthcheck import answers, default_url, headers, main
from testing.running_app import free_port
from tests.serve_app.cli.doctor.test_checks import server


def test_the_backends_own_health_is_the_default() -> None:
    assert default_url({}) == "http://127.0.0.1:9090/health"
    assert default_url({"PORT": ""}) == "http://127.0.0.1:9090/health"
    assert default_url({"PORT": "8000"}) == "http://127.0.0.1:8000/health"


def test_basic_auth_is_sent_where_it_is_set() -> None:
    assert headers({"BASIC_AUTH_USER": "a"}) == {}
    with server(200, needs="Basic YTpi") as port:
        assert main([], {"PORT": str(port), "BASIC_AUTH_USER": "a", "BASIC_AUTH_PASS": "b"}) == 0
        assert main([], {"PORT": str(port)}) == 1


def test_every_url_must_answer_200(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200) as good, server(503) as bad:
        urls = [f"http://127.0.0.1:{port}/" for port in (good, bad, free_port())]
        assert main(urls[:1], {}) == 0
        assert main(urls, {}) == 1
    said = capsys.readouterr().err
    assert f"{urls[1]} answered 503" in said
    assert f"{urls[2]} does not answer" in said


def test_credentials_are_for_the_backend_alone() -> None:
    with server(200, needs="Basic YTpi") as port:
        assert main([f"http://127.0.0.1:{port}/"], {"BASIC_AUTH_USER": "a", "BASIC_AUTH_PASS": "b"}) == 1


def test_a_url_that_is_none_is_no_crash() -> None:
    assert "does not answer" in answers("nonsense", {})
