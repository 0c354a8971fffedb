"""Metrics of a running application, from Ray's Prometheus exporters."""

from __future__ import annotations

import contextlib
import json
import re
import time

import httpx

from testing.running_app import RunningApp

_SAMPLE = re.compile(r"^(?P<name>\w+)\{(?P<tags>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)


def total(app: RunningApp, name: str, **tags: str) -> float:
    """The sum of a metric over all replicas; only samples with these tags."""
    wanted = {f'{key}="{value}"' for key, value in tags.items()}
    return sum(
        float(sample["value"])
        for text in _exported(app)
        for sample in _SAMPLE.finditer(text)
        if sample["name"] == name and wanted <= set(sample["tags"].split(","))
    )


def until(app: RunningApp, name: str, value: float, **tags: str) -> None:
    """Wait until a metric has reached ``value``: replicas report to the exporter every few seconds."""
    deadline = time.monotonic() + 120
    while total(app, name, **tags) < value:
        assert time.monotonic() < deadline, f"{name} is {total(app, name, **tags)}, not {value}"
        time.sleep(0.5)


def _exported(app: RunningApp) -> list[str]:
    """The pages of all exporters, as Ray tells Prometheus to find them."""
    found = json.loads((app.ray / "prom_metrics_service_discovery.json").read_text())
    pages = []
    for target in {target for group in found for target in group["targets"]}:
        # Some exporters share a port with other clusters on this machine, one of which may just have ended.
        with contextlib.suppress(httpx.TransportError):
            pages.append(httpx.get(f"http://{target}/metrics", trust_env=False, timeout=60).text)
    return pages
