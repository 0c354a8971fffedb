"""Credentials of clouds that are secrets, in an environment of their own."""

from __future__ import annotations

import os

import pytest

from testing.canary import CANARY

PREFIXES = ("AWS_", "GOOGLE_", "AZURE_", "GCE_", "SERVICE_ACCOUNT")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Credentials, and nothing of who runs the tests."""
    for name in list(os.environ):
        if name.startswith(PREFIXES) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    # A proxy that nobody should ask, and a variable as compose files leave it.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", CANARY)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acc")
    monkeypatch.setenv("AZURE_STORAGE_TOKEN", CANARY)
    return monkeypatch
