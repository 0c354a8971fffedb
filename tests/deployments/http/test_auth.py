"""Basic auth: exactly the right credentials, and never an exception."""

import base64

import pytest

from deployments.http.auth import credentials_match


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize("header", [basic("user:pass"), basic("user:pass").replace("Basic", "basic")])
def test_right(header: str) -> None:
    assert credentials_match(header, "user", "pass")


def test_right_with_accents_and_a_colon_in_the_password() -> None:
    assert credentials_match(basic("ünser:pä:ss"), "ünser", "pä:ss")


def test_right_as_label_studio_encodes_accents() -> None:
    assert credentials_match(basic("ünser:päss".encode("latin-1")), "ünser", "päss")
    assert not credentials_match(basic("ünser:päss".encode("latin-1")), "unser", "pass")
    assert credentials_match(basic("用户:密码"), "用户", "密码")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic ü",
        "Bearer x",
        "Token abc",
        basic("user"),
        basic("user:"),
        basic("user:wrong"),
        basic("wrong:pass"),
        basic(":"),
        basic(b"\xff\xfe:\x00"),
        basic("userpass"),
    ],
)
def test_wrong(header: str | None) -> None:
    assert not credentials_match(header, "user", "pass")
