"""The queries of the Grafana dashboard, as its panels send them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from testing.prometheus import MONITORING


def panels() -> list[dict[str, Any]]:
    """Every panel with a graph."""
    content: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    return [each for each in content["panels"] if each["type"] != "row"]


def queries(window: str = "1m") -> Iterator[tuple[str, str]]:
    """(title of the panel, query) of each; rates are taken over ``window``, of all applications."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], filled(target["expr"], window)


def filled(expression: str, window: str) -> str:
    """The expression with Grafana's variables replaced."""
    return expression.replace("$__rate_interval", window).replace("$application", ".*")
