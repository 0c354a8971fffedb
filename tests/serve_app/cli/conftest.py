from __future__ import annotations

import pytest

from tests.serve_app.cli.fake_label_studio import FakeLabelStudio


@pytest.fixture
def fake() -> FakeLabelStudio:
    return FakeLabelStudio()
