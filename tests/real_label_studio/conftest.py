from __future__ import annotations

from tests.real_label_studio.fixtures import backend, backend_url, label_studio, legacy_label_studio

__all__ = ["backend", "backend_url", "label_studio", "legacy_label_studio"]
