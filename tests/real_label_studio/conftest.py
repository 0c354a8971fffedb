from __future__ import annotations

from tests.real_label_studio.fixtures import backend, backend_url, label_studio, store

__all__ = ["backend", "backend_url", "label_studio", "store"]
