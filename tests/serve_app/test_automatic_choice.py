"""What `auto` took is taken again after a redeploy, on whatever nodes there are by then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import ray

from segmenters.auto_model import ChoiceFile
from segmenters.models import PUBLISHED
from segmenters.options import ModelOptions
from segmenters.registry import Choice
from serve_app import automatic_choice
from serve_app.automatic_choice import Gpus, gpus, resolve_choice
from testing.weights.publishing import publish
from values.cores import ONE_MACHINE
from values.errors import ModelError

CPU, GPU = "mobile_sam", "sam2.1_hiera_large"


class Cluster:
    """The key-value store of a Ray cluster."""

    def __init__(self) -> None:
        self.kept: dict[tuple[bytes, bytes], bytes] = {}

    def is_initialized(self) -> bool:
        return True

    def _internal_kv_get(self, key: bytes, *, namespace: bytes) -> bytes | None:
        return self.kept.get((namespace, key))

    def _internal_kv_put(self, key: bytes, value: bytes, *, namespace: bytes) -> None:
        self.kept[namespace, key] = value


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelOptions:
    """Offline, with tiny checkpoints of the models for CPU and for GPU in place of the published ones."""
    content = tmp_path / "published"
    content.write_bytes(b"weights")
    folder = tmp_path / "models"
    folder.mkdir()
    for name in PUBLISHED:
        publish(monkeypatch, name, content)
    for name in (CPU, GPU):
        shutil.copy(content, folder / PUBLISHED[name].filename)
    return ModelOptions(model_dir=folder, offline=True)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(automatic_choice, "ray", made)
    monkeypatch.setattr(automatic_choice, "internal_kv", made)
    return made


def weights(options: ModelOptions, name: str) -> Path:
    return options.model_dir / PUBLISHED[name].filename


def served(choice: Choice) -> tuple[str, bool]:
    return choice.segmenter.name, choice.gpu


def test_the_first_choice_is_written_down(options: ModelOptions) -> None:
    choice = resolve_choice(options, Gpus.HERE)
    assert served(choice) == (GPU, True)
    written = options.model_dir / "auto.json"
    assert f"kept in {written}" in choice.reason
    content = json.loads(written.read_text())
    assert (content["model"], content["gpu"]) == (GPU, True)
    assert "the best for a machine with a GPU" in content["why"]
    assert content["at"].endswith("+00:00")


def test_a_gpu_that_comes_later_does_not_change_the_model(options: ModelOptions) -> None:
    assert served(resolve_choice(options, Gpus.MAY_COME)) == (CPU, False)
    choice = resolve_choice(options, Gpus.HERE)
    assert served(choice) == (CPU, True)
    assert "models forget" in choice.reason


def test_a_gpu_node_that_is_gone_for_now_does_not_change_the_model(
    options: ModelOptions, caplog: pytest.LogCaptureFixture
) -> None:
    resolve_choice(options, Gpus.HERE)
    assert served(resolve_choice(options, Gpus.MAY_COME)) == (GPU, True)
    assert "no node has a GPU yet" in caplog.text


@pytest.mark.parametrize("lost", ["weights", "gpu"])
def test_what_cannot_be_served_any_more_is_chosen_anew(
    options: ModelOptions, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    resolve_choice(options, Gpus.HERE)
    if lost == "weights":
        weights(options, GPU).unlink()
    assert resolve_choice(options, Gpus.HERE if lost == "weights" else Gpus.NONE).segmenter.name == CPU
    assert f"chose {GPU} before and chooses again" in caplog.text
    shutil.copy(weights(options, CPU), weights(options, GPU))
    assert resolve_choice(options, Gpus.HERE).segmenter.name == CPU, "the new choice is kept in its turn"


def test_what_needs_no_weights_is_never_kept(options: ModelOptions, cluster: Cluster) -> None:
    hidden = weights(options, CPU).rename(options.model_dir / "hidden")
    assert resolve_choice(options, Gpus.NONE).fallback
    assert not cluster.kept
    hidden.rename(weights(options, CPU))
    assert resolve_choice(options, Gpus.NONE).segmenter.name == CPU


def test_a_model_that_is_named_is_neither_kept_nor_replaced(options: ModelOptions) -> None:
    resolve_choice(options, Gpus.HERE)
    named = resolve_choice(options.model_copy(update={"model": CPU}), Gpus.HERE)
    assert named.segmenter.name == CPU
    assert named.reason == f"the settings name {CPU}"
    assert resolve_choice(options, Gpus.HERE).segmenter.name == GPU


def test_all_nodes_of_a_cluster_take_what_one_of_them_took(
    options: ModelOptions, cluster: Cluster, tmp_path: Path
) -> None:
    resolve_choice(options, Gpus.HERE)
    (options.model_dir / "auto.json").unlink()  # the next deploy is built on a node with a disk of its own
    assert served(resolve_choice(options, Gpus.MAY_COME)) == (GPU, True)


def test_a_folder_that_cannot_be_written_is_said(
    options: ModelOptions, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_text(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", write_text)
    choice = resolve_choice(options, Gpus.HERE)
    assert "as long as this Ray cluster lives" in choice.reason
    assert "Read-only file system" in choice.reason
    assert served(resolve_choice(options, Gpus.MAY_COME)) == (GPU, True)


def test_on_one_machine_the_file_alone_counts(
    options: ModelOptions, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ONE_MACHINE, "1")
    resolve_choice(options, Gpus.NONE)
    assert ChoiceFile(options).forget()
    assert not ChoiceFile(options).forget()
    assert resolve_choice(options, Gpus.HERE).segmenter.name == GPU


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": 1, "gpu": true, "why": "", "at": ""}'])
def test_a_damaged_file_is_no_choice(
    options: ModelOptions, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (options.model_dir / "auto.json").write_text(content)
    assert resolve_choice(options, Gpus.HERE).segmenter.name == GPU
    assert "auto.json is not what was written there" in caplog.text


def test_a_gpu_that_is_asked_for_may_come_later(
    options: ModelOptions, caplog: pytest.LogCaptureFixture
) -> None:
    asked = options.model_copy(update={"device": "cuda"})
    assert served(resolve_choice(asked, Gpus.MAY_COME)) == (GPU, True)
    assert "the encoder waits until one is started" in caplog.text
    assert served(resolve_choice(asked.model_copy(update={"model": CPU}), Gpus.MAY_COME)) == (CPU, True)
    with pytest.raises(ModelError, match="DEVICE is cuda and no node"):
        resolve_choice(asked, Gpus.NONE)


def test_a_gpu_that_is_not_asked_for_is_not_waited_for(options: ModelOptions) -> None:
    assert served(resolve_choice(options, Gpus.MAY_COME)) == (CPU, False)
    assert served(resolve_choice(options.model_copy(update={"device": "cpu"}), Gpus.HERE)) == (CPU, False)


@pytest.mark.parametrize(
    ("resources", "one_machine", "found"),
    [
        ({"CPU": 4.0, "GPU": 1.0}, False, Gpus.HERE),
        ({"CPU": 4.0, "GPU": 1.0}, True, Gpus.HERE),
        ({"CPU": 4.0}, True, Gpus.NONE),
        ({"CPU": 4.0}, False, Gpus.MAY_COME),
        (None, True, Gpus.MAY_COME),
    ],
)
def test_what_is_known_of_gpus(
    monkeypatch: pytest.MonkeyPatch, resources: dict[str, float] | None, one_machine: bool, found: Gpus
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: resources is not None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: resources)
    if one_machine:
        monkeypatch.setenv(ONE_MACHINE, "1")
    else:
        monkeypatch.delenv(ONE_MACHINE, raising=False)
    assert gpus() is found
