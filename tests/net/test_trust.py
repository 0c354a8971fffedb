"""All clients of a process trust the same authorities, which are read once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from net.trust import authorities
from tests.net.tls import Authority


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_they_are_read_once() -> None:
    assert authorities() is authorities()
    assert authorities(environment=False) is authorities(environment=False)
    assert len(authorities().get_ca_certs()) > 50


def test_what_is_written_beside_them_is_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that no variable names is not the working directory."""
    monkeypatch.chdir(tmp_path)
    before = authorities()
    os.utime(tmp_path, ns=(1, 1))
    assert authorities() is before


def test_those_of_a_file_take_the_place_of_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = authorities()
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority().write(tmp_path / "authority.pem")))
    assert len(authorities().get_ca_certs()) == 1
    assert len(authorities(environment=False).get_ca_certs()) > 50
    monkeypatch.delenv("SSL_CERT_FILE")
    assert authorities() is public


def test_a_file_that_is_written_again_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Authority().write(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    before = authorities()
    Authority().write(file)
    os.utime(file, ns=(1, 1))
    assert authorities().get_ca_certs() != before.get_ca_certs()


def test_what_cannot_be_read_is_told_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            authorities()
