"""Where Ray shows more of this application to people on its machine."""

from __future__ import annotations

import os
from pathlib import Path

import ray

from values.dashboard import DASHBOARD

_PROMETHEUS = Path("session_latest", "metrics", "prometheus", "prometheus.yml")


def links() -> dict[str, str]:
    """``dashboard``: its address, which asks for a token. ``prometheus``: what Prometheus scrapes Ray by.

    What nobody tells is left out: both outside of Ray, and the dashboard where `serve` has not started it.
    """
    found = {"dashboard": os.environ.get(DASHBOARD, "")}
    if ray.is_initialized():
        found["prometheus"] = str(Path(ray.get_runtime_context().get_temp_dir()) / _PROMETHEUS)
    return {name: place for name, place in found.items() if place}
