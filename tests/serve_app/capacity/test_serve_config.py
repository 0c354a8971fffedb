"""The config of a plan: it lints, Ray accepts it, and it has the keys of our own in their order."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from segmenters.models import MODELS as KNOWN
from serve_app import sizing
from serve_app.app import DEPLOYMENTS
from serve_app.capacity.archive import Archive
from serve_app.capacity.costs import SHARES, Card
from serve_app.capacity.deployment_options import NODE_CORES, NODE_GIB
from serve_app.capacity.plan import plan
from serve_app.capacity.serve_config import args, serve_config
from serve_app.lint.serve import FileSettings
from serve_app.lint.yaml_files import lint_file
from serve_app.settings import AllOptions
from tests.configs.test_configs import ELSEWHERE, SERVE, keys, read

SIZES = (1, 25, 100, 400, 1000, 10_000)
SERVED = [*(("sam2.1_hiera_large", card) for card in SHARES), ("mobile_sam", Card.NONE)]
BESIDE = {**ELSEWHERE, "cache_mib": {"workers", "threads", "durable_gib"}}

by_size = pytest.mark.parametrize("annotators", SIZES)
by_model = pytest.mark.parametrize(("model", "card"), SERVED)


def text(annotators: int, model: str, card: Card, cell: int = 1, images: int | None = None) -> str:
    found = plan(annotators, model, card)
    archive = None if images is None else Archive(images, KNOWN[model].embedding_mib)
    settings = AllOptions.model_construct(**args(found, archive))
    return serve_config(found, settings, cell, archive)


@by_model
@by_size
def test_it_lints_and_ray_accepts_it(annotators: int, model: str, card: Card, tmp_path: Path) -> None:
    path = tmp_path / "configs" / "planned.yaml"
    path.parent.mkdir()
    path.write_text(text(annotators, model, card, images=10**8))
    assert [str(problem) for problem in lint_file(path)] == []
    ServeDeploySchema.model_validate(read(path))
    FileSettings(**read(path)["applications"][0]["args"])


@by_model
@by_size
def test_it_has_the_keys_of_our_configs_in_their_order(annotators: int, model: str, card: Card) -> None:
    first = dict(keys(read(SERVE)))
    config = yaml.safe_load(text(annotators, model, card, images=1))
    assert [each["name"] for each in config["applications"][0]["deployments"]] == list(DEPLOYMENTS)
    for path, found in keys(config):
        if path not in first:
            assert path.endswith(("ray_actor_options", "label_selector")), path
            continue
        known = first[path]
        common = [key for key in found if key in known]
        assert common == [key for key in known if key in common], path
        beside = set().union(*(more for key, more in BESIDE.items() if key in found))
        assert set(found) - set(known) <= beside, path


@by_size
def test_what_breaks_first_stands_above_all(annotators: int) -> None:
    head = text(annotators, "mobile_sam", Card.NONE).partition("\n\n")[0]
    said = " ".join(line.removeprefix("# ") for line in head.splitlines())
    assert said.startswith(f"For {annotators:,} annotators who work at once")
    assert said.count("Breaks first: ") == 1
    assert "core" in said.partition("All replicas at their most take")[2]
    assert max(map(len, head.splitlines())) <= 110


def deployments(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in config["applications"][0]["deployments"]}


def test_one_machine_is_asked_for_what_it_has() -> None:
    config = yaml.safe_load(text(25, "sam2.1_hiera_large", Card.H100))
    assert config["http_options"]["host"] == "127.0.0.1"
    found = deployments(config)
    assert all("label_selector" not in each["ray_actor_options"] for each in found.values())
    assert found["Encoder"]["ray_actor_options"]["num_gpus"] == 1
    assert found["Encoder"]["max_surge_percent"] == 0


def test_nodes_have_room_for_what_is_booked_of_them() -> None:
    config = yaml.safe_load(text(1000, "sam2.1_hiera_large", Card.H100))
    found = deployments(config)
    decoder = found["Decoder"]
    booked, most = decoder["ray_actor_options"], decoder["max_replicas_per_node"]
    assert most * booked["num_cpus"] <= NODE_CORES
    assert most * booked["memory"] <= 0.7 * NODE_GIB * 2**30
    settings = FileSettings(**config["applications"][0]["args"])
    for name, each in found.items():
        mib = sizing.replica_mib(name, settings, gpu=name == "Encoder")
        assert 0 <= each["ray_actor_options"]["memory"] - mib * 2**20 <= 10_000_000
        hardware = "gpu" if name == "Encoder" else "cpu"
        assert each["ray_actor_options"]["label_selector"] == {"segment-anything/hardware": hardware}


def test_cells_have_prefixes_and_are_the_same_otherwise() -> None:
    first, second = (yaml.safe_load(text(10_000, "mobile_sam", Card.NONE, cell)) for cell in (1, 2))
    assert [each["applications"][0]["route_prefix"] for each in (first, second)] == ["/cell-1", "/cell-2"]
    second["applications"][0]["route_prefix"] = "/cell-1"
    assert first == second
    assert yaml.safe_load(text(1000, "mobile_sam", Card.NONE))["applications"][0]["route_prefix"] == "/"


def test_the_durable_tier_is_as_large_as_its_images() -> None:
    config = yaml.safe_load(text(25, "sam2.1_hiera_large", Card.H100, images=10**8))
    assert config["applications"][0]["args"]["durable_gib"] == 1_562_500
    assert textwrap.dedent(text(25, "mobile_sam", Card.NONE)).count("durable") == 0
