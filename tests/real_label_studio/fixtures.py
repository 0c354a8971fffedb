"""Fixtures of every test that needs the real Label Studio or the real backend; conftest files import them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testing.running_app import RunningApp, running_app
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.store import Store, running_store

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
def store() -> Iterator[Store]:
    """A cloud storage that Label Studio may be connected to."""
    with running_store() as store:
        yield store


@pytest.fixture(scope="session")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``backend`` keeps embeddings."""
    return tmp_path_factory.mktemp("durable") / "embeddings"


@pytest.fixture(scope="session")
def backend(label_studio: LabelStudioServer, store: Store, durable: Path) -> Iterator[RunningApp]:
    """The application under test, reading images of ``label_studio`` with a personal access token.

    Images may come from ``store`` as well, once signed.
    """
    token = label_studio.api.personal_access_token()
    with running_application(label_studio, token, DURABLE=str(durable), IMAGE_HOSTS=store.host) as app:
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
