"""Nodes of a real cluster are lost, come and go under clicks. All of its hosts are within this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.nodes import growth, redis
from benchmarks.nodes.run import EVENTS
from testing import hosts
from testing.running_app import ROOT, inherited

pytestmark = [pytest.mark.cluster, pytest.mark.full, pytest.mark.timeout(1800)]

Json = dict[str, Any]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """The rows of one run by what happened."""
    if lacking := hosts.missing() or redis.missing():
        pytest.skip(lacking)
    file = tmp_path_factory.mktemp("nodes") / "figures.json"
    command = [sys.executable, "-m", "benchmarks.nodes", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=inherited(), capture_output=True, text=True)
    assert file.exists(), done.stderr
    assert file.read_text(), done.stdout + done.stderr
    return {row["figures"]["what"]: row for row in json.loads(file.read_text())}


@pytest.mark.parametrize("what", [*EVENTS, *growth.EVENTS])
def test_no_click_is_lost_when_nodes_come_and_go(what: str, figures: dict[str, Json]) -> None:
    row = figures[what]
    assert row["figures"]["clicks"] > 0
    assert (row["figures"]["lost"], row["figures"]["wrong"]) == ({}, 0)
    assert row["running_s"] <= row["within_s"]
