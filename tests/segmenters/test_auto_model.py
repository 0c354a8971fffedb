from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from segmenters.auto_model import best
from segmenters.models import PUBLISHED
from segmenters.options import ModelOptions
from testing.file_server import Exchange, Server, said
from testing.weights.publishing import publish

NOWHERE = "http://127.0.0.1:9/"
CPU, GPU = "mobile_sam", "sam2.1_hiera_large"


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Checkpoints of a few bytes in the place of the published ones; no proxy of the machine's."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    content = tmp_path / "published"
    content.write_bytes(b"weights")
    for name in PUBLISHED:
        publish(monkeypatch, name, content)
    return content


@pytest.fixture
def publisher() -> Iterator[Server]:
    with Server(said(200, b"weights")) as server:
        yield server


def _options(folder: Path, mirror: str = NOWHERE, **more: object) -> ModelOptions:
    return ModelOptions.model_validate({"model_dir": folder / "models", "checkpoint_mirror": mirror, **more})


def _put(options: ModelOptions, content: Path, name: str) -> Path:
    options.model_dir.mkdir(exist_ok=True)
    return Path(shutil.copy(content, options.model_dir / PUBLISHED[name].filename))


def _silent(exchange: Exchange) -> None:
    exchange.host.closing.wait()


@pytest.mark.parametrize(("gpu", "name"), [(False, CPU), (True, GPU)])
def test_the_best_is_downloaded_where_the_publisher_answers(
    tmp_path: Path, publisher: Server, gpu: bool, name: str
) -> None:
    options = _options(tmp_path, publisher.url)
    found, why = best(options, gpu=gpu)
    assert found == name
    assert "downloaded" in why
    assert [request.method for request in publisher.requests] == ["HEAD"]
    assert not options.model_dir.exists(), "nothing is written yet"


@pytest.mark.parametrize(("gpu", "name"), [(False, CPU), (True, GPU)])
def test_what_is_on_disk_needs_no_publisher(tmp_path: Path, tiny: Path, gpu: bool, name: str) -> None:
    options = _options(tmp_path)
    path = _put(options, tiny, name)
    found, why = best(options, gpu=gpu)
    assert found == name
    assert str(path.parent) in why


def test_a_gpu_that_must_not_be_used_is_none(tmp_path: Path, tiny: Path) -> None:
    options = _options(tmp_path, device="cpu")
    _put(options, tiny, CPU)
    assert best(options, gpu=True)[0] == CPU


def test_another_model_on_disk_is_better_than_none(tmp_path: Path, tiny: Path) -> None:
    options = _options(tmp_path)
    _put(options, tiny, "sam2.1_hiera_tiny")
    found, why = best(options, gpu=False)
    assert found == "sam2.1_hiera_tiny"
    assert "of mobile_sam, the checkpoint cannot be downloaded" in why


def test_a_model_that_a_cpu_would_take_minutes_for_is_not_taken(tmp_path: Path, tiny: Path) -> None:
    options = _options(tmp_path)
    _put(options, tiny, "sam_vit_h")
    assert best(options, gpu=False)[0] is None


def test_without_a_publisher_there_is_none(tmp_path: Path) -> None:
    found, why = best(_options(tmp_path), gpu=False)
    assert found is None
    assert "cannot be downloaded" in why


def test_offline_nobody_is_asked(tmp_path: Path, publisher: Server) -> None:
    found, why = best(_options(tmp_path, publisher.url, offline=True), gpu=False)
    assert found is None
    assert "OFFLINE" in why
    assert publisher.requests == []


def test_a_damaged_checkpoint_is_said_and_not_taken(tmp_path: Path, tiny: Path, publisher: Server) -> None:
    options = _options(tmp_path, publisher.url)
    path = _put(options, tiny, CPU)
    for content in (b"other", b"WEIGHTS"):
        path.write_bytes(content)
        os.utime(path, ns=(0, len(content) + content[0]))
        found, why = best(options, gpu=False)
        assert found is None
        assert f"{path} is damaged: delete it" in why


def test_a_folder_that_cannot_be_written_is_said(publisher: Server) -> None:
    options = ModelOptions(model_dir=Path("/proc/models"), checkpoint_mirror=publisher.url)
    found, why = best(options, gpu=False)
    assert found is None
    assert "/proc" in why


@pytest.mark.slow
def test_a_publisher_that_says_nothing_is_given_up_within_ten_seconds(tmp_path: Path) -> None:
    with Server(_silent) as server:
        found, why = best(_options(tmp_path, server.url), gpu=False)
        assert len(server.requests) == 1  # it is not asked a second time
    assert found is None
    assert "no answer within 5 s" in why or "it stopped sending" in why
