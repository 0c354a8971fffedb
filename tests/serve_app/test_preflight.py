"""Asking Label Studio before a start. What is refused without asking is in mistakes.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from imaging.options import ImageOptions
from serve_app import preflight
from serve_app.preflight import (
    FAKED_RESOURCES,
    LABELS,
    Asked,
    ask_label_studio,
    wrong_gpus,
    wrong_labels,
    wrong_tracing,
)
from testing.canary import CANARY
from testing.file_server import Exchange, Server
from testing.running_app import free_port

WAIT_S = 20.0

Answers = Callable[[Exchange], None]


def studio(files: int, version: bytes = b'{"release": "1.23.2"}', status: int = 200) -> Answers:
    """One that answers ``files`` to whoever asks for a file."""

    def answer(exchange: Exchange) -> None:
        if exchange.path == "/api/version/":
            exchange.say(status, version)
        else:
            exchange.say(files)

    return answer


def asked(answers: Answers) -> Asked:
    with Server(answers) as server:
        options = ImageOptions(label_studio_url=server.url, label_studio_api_key=SecretStr("legacy"))
        found = ask_label_studio(options, WAIT_S)
    assert found is not None
    return found


def test_none_is_asked_where_none_is_set() -> None:
    assert ask_label_studio(ImageOptions(), WAIT_S) is None


def test_one_that_takes_the_token_is_well() -> None:
    found = asked(studio(404))
    assert found.well
    assert found.sentence.endswith("answers and takes the token (version 1.23.2)")


def test_one_that_refuses_the_token_is_told_from_one_that_is_away() -> None:
    found = asked(studio(401))
    assert (found.refused, found.well) == (True, False)
    assert "Label Studio answered 401 to the legacy token in LABEL_STUDIO_API_KEY" in found.sentence
    nobody = ImageOptions(
        label_studio_url=f"http://127.0.0.1:{free_port()}", label_studio_api_key=SecretStr(CANARY)
    )
    away = ask_label_studio(nobody, WAIT_S)
    assert away is not None
    assert (away.refused, away.well) == (False, False)
    assert away.sentence.startswith("Cannot reach Label Studio at http://127.0.0.1:")
    assert CANARY not in away.sentence


@pytest.mark.parametrize(
    ("version", "status"), [(b"{}", 200), (b"<html>", 200), (b"[]", 200), (b"", 404), (b"", 500)]
)
def test_another_server_that_has_no_such_file_is_not_label_studio(version: bytes, status: int) -> None:
    found = asked(studio(404, version, status))
    assert not found.well
    assert "does not answer as Label Studio does; check LABEL_STUDIO_URL" in found.sentence


@pytest.mark.parametrize(("setup", "well"), [(True, True), (False, False)])
def test_without_a_token_nothing_is_refused(setup: bool, well: bool) -> None:
    with Server(studio(401)) as server:
        options = ImageOptions(label_studio_url=server.url, use_setup_token=setup)
        found = ask_label_studio(options, WAIT_S)
    assert found is not None
    assert (found.refused, found.well) == (False, well)
    assert ("Set LABEL_STUDIO_API_KEY." in found.sentence) == (not setup)


def test_a_collector_of_spans_needs_what_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert wrong_tracing({}) == wrong_tracing(named) == []
    monkeypatch.setattr("serve_app.preflight.EXPORTER", "opentelemetry.no.such.exporter")
    assert wrong_tracing({}) == []
    [said] = wrong_tracing(named)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set" in said
    assert "pip install -r requirements-tracing.txt" in said


CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def gpus_of(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((CONFIGS / name).read_text())["applications"]
    return found


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int | None) -> None:
    def here(environment: Mapping[str, str]) -> int | None:
        return gpus

    monkeypatch.setattr(preflight, "gpus_here", here)


def test_more_gpus_than_exist_are_a_sentence_before_ray_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 0)
    [said] = wrong_gpus(gpus_of("one-gpu.yaml"), {})
    assert said.startswith(
        "The config books more GPUs than this machine has: at least 1 (Encoder 1 x 1) of 0."
    )
    assert wrong_gpus(gpus_of("serve.yaml"), {}) == []
    assert wrong_gpus(gpus_of("one-gpu.yaml"), {FAKED_RESOURCES: '{"GPU": 4}'}) == []
    several = gpus_of("many-gpus.yaml")
    [encoder] = [each for each in several[0]["deployments"] if each["name"] == "Encoder"]
    encoder["autoscaling_config"]["min_replicas"] = 3
    encoder["ray_actor_options"]["num_gpus"] = 0.5
    machine(monkeypatch, 1)
    [said] = wrong_gpus(several * 2, {})
    assert "at least 3 (Encoder 3 x 0.5, Encoder 3 x 0.5) of 1. Lower min_replicas or num_gpus" in said
    for gpus in (3, None):
        machine(monkeypatch, gpus)
        assert wrong_gpus(several * 2, {}) == []


def test_a_label_that_this_machine_does_not_have_is_a_sentence_before_ray_starts() -> None:
    cluster = gpus_of("cluster.yaml")
    [cpu, gpu] = wrong_labels(cluster, {})
    assert "wants Encoder on nodes with the label segment-anything/hardware: gpu, which this" in gpu
    assert cpu.startswith("The config wants Ingress, Fetcher, Decoder")
    assert wrong_labels(cluster, {LABELS: '{"segment-anything/hardware": "cpu"}'}) == []
    assert wrong_labels(gpus_of("serve.yaml"), {}) == []
    for selector in ({"a": "!cpu"}, {"a": "!in(cpu, gpu)"}, {"ray.io/accelerator-type": "L4"}):
        assert (
            wrong_labels([{"deployments": [{"ray_actor_options": {"label_selector": selector}}]}], {}) == []
        )


@pytest.mark.parametrize(
    "deployments",
    [
        *(None, "Encoder", [1], [{"ray_actor_options": 3}], [{"ray_actor_options": {"num_gpus": "many"}}]),
        *([{"ray_actor_options": {"label_selector": wrong}}] for wrong in (3, "gpu", ["gpu"])),
    ],
)
def test_what_is_no_config_is_left_to_the_lint(deployments: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 0)
    assert wrong_gpus([{"deployments": deployments}], {}) == []
    assert wrong_labels([{"deployments": deployments}], {}) == []
