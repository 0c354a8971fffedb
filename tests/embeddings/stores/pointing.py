"""Where the clouds' clients find their store."""

from __future__ import annotations

import pytest


def point_to(url: str, environment: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"):
        environment.setenv(name, url)
