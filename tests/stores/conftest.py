from __future__ import annotations

from tests.imaging.conftest import label_studio, other, pauses, server

__all__ = ["label_studio", "other", "pauses", "server"]
