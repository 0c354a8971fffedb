"""What `serve` sets before Ray starts, and where the embeddings of an instance are kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serve_app import ROOT
from serve_app.cli.serve import environment
from serve_app.cli.serve.environment import (
    handover_variables,
    prepare,
    ray_variables,
    tracing_variables,
    with_whole_paths,
)
from serve_app.cli.serve.ports import HAPROXY_PORTS


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """The command changes the process: its environment, its folder, its path."""
    before, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
    yield
    os.environ.clear()
    os.environ.update(before)
    os.chdir(folder)
    sys.path[:] = path


def test_haproxy_mode_is_a_pair_of_flags_and_paths_and_ports_of_its_own(tmp_path: Path) -> None:
    chosen = ray_variables(tmp_path, haproxy=True, ports=HAPROXY_PORTS)
    assert chosen["RAY_SERVE_ENABLE_HA_PROXY"] == chosen["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert chosen["RAY_SERVE_HAPROXY_STATS_PORT"] == "8404"
    assert chosen["RAY_AUTH_MODE"] == "token"
    assert Path(chosen["RAY_AUTH_TOKEN_PATH"]).parent == tmp_path


def test_haproxy_is_told_where_to_listen_and_every_proxy_what_is_in_front(tmp_path: Path) -> None:
    chosen = ray_variables(tmp_path, haproxy=True, ports={}, listens_at="0.0.0.0")
    assert chosen["HAPROXY_LISTENS_AT"] == "0.0.0.0"
    alone = ray_variables(tmp_path, haproxy=False, ports={})
    assert "HAPROXY_LISTENS_AT" not in alone
    for each in (chosen, alone):
        assert each["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == "deployments.http.middleware:in_front"


def test_every_file_of_haproxy_is_in_the_folder_of_the_instance(tmp_path: Path) -> None:
    from ray.serve._private import constants

    shared = {name for name, value in vars(constants).items() if str(value).startswith("/tmp/haproxy-serve")}
    chosen = ray_variables(tmp_path, haproxy=True, ports={})
    assert shared
    assert {name for name in shared if not chosen.get(name, "").startswith(str(tmp_path))} == set()


def test_without_haproxy_neither_flag_is_set(tmp_path: Path) -> None:
    assert not {"RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED"} & set(
        ray_variables(tmp_path, haproxy=False, ports={})
    )


def test_what_the_operator_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    prepare(ray_variables(tmp_path, haproxy=True, ports={}))
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert os.environ["PYTHONPATH"] == f"{ROOT}{os.pathsep}/elsewhere"


def test_another_ray_cluster_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    prepare({})
    assert "RAY_ADDRESS" not in os.environ


def test_relative_paths_are_from_where_serve_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = {"model_dir": "models", "local_files_document_root": "/data", "model": "sam_vit_b", "workers": 1}
    content: dict[str, Any] = {"applications": [{"args": args}, {"args": None}, {}]}
    given = {
        "MODEL_DIR": "m",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": "..",
        "CHECKPOINT": "a.pt",
        "HOME": "b",
    }
    assert with_whole_paths(content, given) == {
        "MODEL_DIR": str(tmp_path / "m"),
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(tmp_path / ".."),
    }
    assert args == {**args, "model_dir": str(tmp_path / "models"), "local_files_document_root": "/data"}
    assert with_whole_paths({"applications": [{}]}, {"MODEL_DIR": "~/m"}) == {"MODEL_DIR": "~/m"}
    assert with_whole_paths({"applications": [{}]}, {"MODEL_DIR": ""}) == {}


DISK = "/dev/vda / ext4 rw 0 0\n"


def config(**args: Any) -> dict[str, Any]:
    return {"applications": [{"args": args}, {}]}


def test_a_folder_of_the_instance(tmp_path: Path) -> None:
    found = handover_variables(config(), {}, tmp_path, DISK)
    assert found == {"HANDOVER": str(tmp_path / "embeddings")}


@pytest.mark.parametrize("name", ["durable", "handover"])
def test_what_is_set_stays(tmp_path: Path, name: str) -> None:
    assert handover_variables(config(**{name: "/kept"}), {}, tmp_path, DISK) == {}
    assert handover_variables(config(), {name.upper(): "/kept"}, tmp_path, DISK) == {}
    assert handover_variables(config(), {name.upper(): ""}, tmp_path, DISK) != {}


def test_memory_is_no_disk(tmp_path: Path) -> None:
    mounts = f"{DISK}tmpfs {tmp_path.parent} tmpfs rw 0 0\n"
    assert handover_variables(config(), {}, tmp_path, mounts) == {}
    assert handover_variables(config(), {}, tmp_path, f"{mounts}/dev/vdb {tmp_path} xfs rw 0 0\n") != {}


def test_a_full_disk_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_ROOM", 2**40)
    assert handover_variables(config(), {}, tmp_path, DISK) == {}


def test_who_names_a_collector_of_spans_has_requests_traced() -> None:
    assert tracing_variables({"OTEL_SERVICE_NAME": "sam"}) == {}
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        chosen = tracing_variables({name: "http://127.0.0.1:4318"})
        assert chosen["RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH"] == "deployments.tracing:otlp"
