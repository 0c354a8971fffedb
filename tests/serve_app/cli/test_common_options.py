from __future__ import annotations

import pytest

from serve_app.cli.common_options import CommandError, backend_at, label_studio_at, own_backend, web_address


@pytest.mark.parametrize("text", ["http://h:8080/", " https://h/ls// ", "http://[::1]:8080"])
def test_addresses_lose_their_trailing_slash(text: str) -> None:
    assert web_address(text, "x") == text.strip().rstrip("/")


@pytest.mark.parametrize(
    "text", ["", "h:8080", "ftp://h", "http://", "http://h:x", "http://u:p@h", "http://h/?a=b", "http://[::1"]
)
def test_what_is_no_plain_web_address_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--backend must"):
        web_address(text, "--backend")


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "http://127.0.0.1:9090"),
        ({"PORT": "9390"}, "http://127.0.0.1:9390"),
        ({"PORT": "9390", "HOST": "0.0.0.0"}, "http://127.0.0.1:9390"),
        ({"HOST": "::"}, "http://127.0.0.1:9090"),
        ({"HOST": "10.0.0.5"}, "http://10.0.0.5:9090"),
        ({"HOST": "fd00::5"}, "http://[fd00::5]:9090"),
    ],
)
def test_the_backend_is_where_serve_listens_with_the_same_variables(
    variables: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own_backend(variables) == address
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert backend_at("", "", "").url == address
    assert backend_at("http://sam:9090/", "", "").url == "http://sam:9090"


def test_a_port_that_is_none_is_said_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "nine")
    with pytest.raises(CommandError, match="PORT=nine: must be a whole number from 1 to 65535"):
        backend_at("", "", "")


def test_half_a_token_and_a_projects_page_are_said() -> None:
    with pytest.raises(CommandError, match="the token is a personal access token without its end"):
        label_studio_at("http://h:8080", "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9")
    with pytest.raises(CommandError, match="one of its pages; the site's own is http://h:8080"):
        label_studio_at("http://h:8080/projects/3/data", "token")
