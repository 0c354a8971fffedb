from __future__ import annotations

import pytest

from serve_app.cli.common_options import CommandError, web_address


@pytest.mark.parametrize("text", ["http://h:8080/", " https://h/ls// ", "http://[::1]:8080"])
def test_addresses_lose_their_trailing_slash(text: str) -> None:
    assert web_address(text, "x") == text.strip().rstrip("/")


@pytest.mark.parametrize(
    "text", ["", "h:8080", "ftp://h", "http://", "http://h:x", "http://u:p@h", "http://h/?a=b", "http://[::1"]
)
def test_what_is_no_plain_web_address_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--backend must"):
        web_address(text, "--backend")
