from __future__ import annotations

import pytest
from pydantic import SecretStr

from serve_app.cli.serve.serve_config import security_warnings
from serve_app.settings import Settings, variables


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7"])
def test_an_application_for_everybody_without_a_password_is_said_loudly(address: str) -> None:
    [said] = security_warnings([Settings()], address, {})
    assert "NO PASSWORD" in said
    assert "BASIC_AUTH_USER" in said


def test_one_open_door_of_two_is_open() -> None:
    locked = Settings(basic_auth_user="a", basic_auth_pass=SecretStr("b"))
    assert list(security_warnings([locked], "0.0.0.0", {})) == []
    assert len(list(security_warnings([locked, Settings()], "0.0.0.0", {}))) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_on_loopback_nothing_is_said(address: str) -> None:
    assert list(security_warnings([Settings()], address, {"RAY_AUTH_MODE": "token"})) == []


def test_ray_without_a_token_is_said_wherever_the_application_listens() -> None:
    [said] = security_warnings([Settings()], "127.0.0.1", {"RAY_AUTH_MODE": "disabled"})
    assert said.startswith("RAY_AUTH_MODE=disabled: anyone")
