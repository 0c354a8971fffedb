"""Fixtures of every test that needs the real Label Studio or the real backend; conftest files import them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testing.running_app import RunningApp
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.store import Store, running_store


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A cloud storage that Label Studio may be connected to."""
    with running_store() as store:
        yield store


@pytest.fixture(scope="session")
def label_studio(real_label_studio: LabelStudioServer) -> LabelStudioServer:
    """Here no other one is meant."""
    return real_label_studio


@pytest.fixture(scope="session")
def backend(label_studio: LabelStudioServer, app: RunningApp) -> RunningApp:
    """The application under test, reading images of ``label_studio`` with a personal access token.

    Images may come from anywhere else as well.
    """
    return app


@pytest.fixture(scope="session")
def backend_url(backend: RunningApp) -> str:
    """Where it answers."""
    return backend.url
