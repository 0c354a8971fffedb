"""What the benchmark of lost nodes is made of, without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config
from rich.console import Console

from benchmarks.nodes import growth, load_balancer
from benchmarks.nodes.report import Row, show
from benchmarks.nodes.run import PRODUCTION, configured
from testing.annotating.figures import Figures
from testing.ray_hosts import LABEL, ServeState


def state(status: str, *replicas: tuple[str, str]) -> ServeState:
    """What Serve says of two decoders."""
    said: dict[str, Any] = {
        "applications": {
            "app": {
                "status": status,
                "deployments": {
                    "Decoder": {
                        "target_num_replicas": 2,
                        "replicas": [{"state": state, "node_ip": at} for state, at in replicas],
                    }
                },
            }
        },
        "proxies": {"a1": {"node_ip": "10.0.0.1", "status": "HEALTHY"}},
    }
    return ServeState.of(said, "app")


RUNNING = ("RUNNING", "10.0.0.1"), ("RUNNING", "10.0.0.2")


@pytest.mark.parametrize(
    ("found", "without", "runs"),
    [
        (state("RUNNING", *RUNNING), "", True),
        (state("RUNNING", *RUNNING), "10.0.0.3", True),
        (state("RUNNING", *RUNNING), "10.0.0.2", False),
        (state("RUNNING", RUNNING[0], ("STARTING", "10.0.0.2")), "", False),
        (state("RUNNING", *RUNNING, ("STOPPING", "10.0.0.3")), "10.0.0.3", True),
        (state("RUNNING", *RUNNING, ("RUNNING", "10.0.0.3")), "10.0.0.2", True),
        (state("DEPLOYING", *RUNNING), "", False),
        (ServeState.of({"applications": {}, "proxies": {}}, "app"), "", False),
    ],
)
def test_when_an_application_runs_without_a_node(found: ServeState, without: str, runs: bool) -> None:
    assert found.runs_without(without) is runs


def test_what_is_on_a_node() -> None:
    found = state("RUNNING", *RUNNING)
    assert [found.on(f"10.0.0.{number}") for number in (1, 2, 3)] == [1, 1, 0]
    assert found.nodes == {"10.0.0.1": "a1"}
    assert found.proxies == {"10.0.0.1": "HEALTHY"}


def test_the_config_is_that_of_production_without_gpus() -> None:
    [application] = configured(PRODUCTION.read_text())["applications"]
    key, _, value = LABEL.partition("=")
    for each in application["deployments"]:
        options = each["ray_actor_options"]
        assert options["label_selector"] == {key: value}
        assert "num_gpus" not in options
        if each["name"] not in ("Ingress", "Journal"):
            assert (each["num_replicas"], each["max_replicas_per_node"]) == (2, 1)
    assert application["args"]["model"] == "classical"
    assert application["args"]["workers"] == 2


def test_the_load_balancer_has_the_nodes_and_nothing_else_changed() -> None:
    text = load_balancer.CONFIG.read_text()
    made = load_balancer.configured(text, ["10.1.0.1", "10.1.0.2"]).splitlines()
    assert made[-2:] == ["    server node-1 10.1.0.1:8000", "    server node-2 10.1.0.2:8000"]
    assert made[:-2] == text.splitlines()[:-3]


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row(60.0, Figures("worker killed", 1, 100)), []),
        (Row(60.1, Figures("worker killed", 1, 100)), ["running after 60 s"]),
        (Row(20.0, Figures("worker killed", 1, 100, {"503": 2})), ["2 lost"]),
        (Row(20.0, Figures("worker killed", 1, 100, wrong=1)), ["1 wrong"]),
    ],
)
def test_what_is_missed(row: Row, missed: list[str]) -> None:
    assert row.misses() == missed
    assert row.as_json()["missed"] == missed
    assert (", ".join(missed) or "kept") in row.said()
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        show("two nodes", [row], console)
    assert (", ".join(missed) or "kept") in capture.get()


def test_the_autoscaler_reads_the_launchers_file_with_another_cloud(tmp_path: Path) -> None:
    config = growth.autoscaler(growth.LAUNCHER.read_text(), tmp_path)
    validate_config(prepare_config(config))
    assert config["provider"]["folder"] == str(tmp_path)
    assert config["available_node_types"]["cpu"]["min_workers"] == 0
    assert config["available_node_types"]["cpu"]["labels"]["segment-anything/hardware"] == "cpu"


@pytest.mark.parametrize("count", [2, 3])
def test_each_decoder_needs_a_node_of_its_own(count: int) -> None:
    [application] = growth.with_decoders(count)["applications"]
    [decoder] = [each for each in application["deployments"] if each["name"] == "Decoder"]
    assert (decoder["num_replicas"], decoder["max_replicas_per_node"]) == (count, 1)
