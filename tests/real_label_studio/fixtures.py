"""Fixtures of every test that needs the real Label Studio or the real backend; conftest files import them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from testing.running_app import RunningApp, running_app
from tests.real_label_studio.server import LabelStudioServer

OPEN = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """Label Studio that lets backends be on loopback; personal access tokens only, as it comes."""
    with LabelStudioServer(tmp_path_factory.mktemp("label-studio"), OPEN) as server:
        yield server


@pytest.fixture(scope="session")
def legacy_label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """The same with legacy tokens on."""
    folder = tmp_path_factory.mktemp("label-studio-legacy")
    with LabelStudioServer(folder, OPEN, legacy_tokens=True) as server:
        yield server


@pytest.fixture(scope="session")
def backend(label_studio: LabelStudioServer) -> Iterator[RunningApp]:
    """The application under test, reading images of ``label_studio`` with a personal access token."""
    with running_application(label_studio, label_studio.api.personal_access_token()) as app:
        yield app


@pytest.fixture(scope="session")
def backend_url(backend: RunningApp) -> str:
    """Where it answers."""
    return backend.url


@contextmanager
def application(server: LabelStudioServer, token: str, **settings: str) -> Iterator[str]:
    """The application, reading images of ``server`` with ``token``; its URL."""
    with running_application(server, token, **settings) as app:
        yield app.url


@contextmanager
def running_application(server: LabelStudioServer, token: str, **settings: str) -> Iterator[RunningApp]:
    """The same, and all that can be asked of it."""
    env = {"LABEL_STUDIO_URL": server.url, "LABEL_STUDIO_API_KEY": token, "MODEL": "classical", **settings}
    with running_app(env=env) as app:
        yield app
