from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from tenacity import wait_none

from finders.catalogue import FINDERS, PublishedFile
from finders.files import checkpoint_of, fetch_file, record_of
from segmenters.checkpoints.download import Patience
from segmenters.options import ModelOptions
from testing.file_server import Server, ranges
from values.errors import ModelError

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ONCE = Patience(attempts=1, wait=wait_none())
LARGE = FINDERS["owlv2_large"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def options(tmp_path: Path) -> ModelOptions:
    return ModelOptions(model_dir=tmp_path)


def published(url: str, sha256: str | None = None) -> PublishedFile:
    return PublishedFile(url, sha256, None, "a test")


def fetched(options: ModelOptions, content: bytes, sha256: str | None = None) -> Path:
    with Server(ranges(content)) as server:
        file = published(f"{server.url}/model.safetensors", sha256)
        return fetch_file(LARGE, file, options, patience=ONCE)


def test_a_file_with_a_known_hash_is_checked(options: ModelOptions, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not the expected file"):
        fetched(options, b"another", SHA256)
    path = fetched(options, CONTENT, SHA256)
    assert path == tmp_path / "owlv2_large" / "model.safetensors"
    assert path.read_bytes() == CONTENT
    assert not record_of(path).exists()


def test_a_file_without_a_known_hash_is_taken_and_said(
    options: ModelOptions, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ray.serve"):
        path = fetched(options, CONTENT)
        assert fetched(options, b"another") == path  # which is there and not asked for
    assert path.read_bytes() == CONTENT
    assert record_of(path).read_text() == f"{SHA256}\n"
    [said] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "nobody states the hash of this file" in said.getMessage()
    assert SHA256 in said.getMessage()


def test_what_was_taken_must_stay_so(options: ModelOptions) -> None:
    path = fetched(options, CONTENT)
    path.write_bytes(b"another")
    with pytest.raises(ModelError, match=f"expected {SHA256}"):
        fetched(options, CONTENT)
    path.unlink()
    with pytest.raises(ModelError, match="is not the expected file"):
        fetched(options, b"another")
    assert fetched(options, CONTENT).read_bytes() == CONTENT


def test_a_file_that_somebody_put_there_is_taken(options: ModelOptions, tmp_path: Path) -> None:
    path = tmp_path / "owlv2_large" / "model.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    offline = options.model_copy(update={"offline": True})
    assert fetch_file(LARGE, published("https://nowhere.invalid/model.safetensors"), offline) == path
    assert record_of(path).read_text() == f"{SHA256}\n"


def test_offline_a_missing_file_is_named(options: ModelOptions, tmp_path: Path) -> None:
    offline = options.model_copy(update={"offline": True})
    for sha256 in (None, SHA256):
        with pytest.raises(ModelError, match=rf"there is no .* {tmp_path}/owlv2_large/model.safetensors"):
            fetch_file(LARGE, published("https://nowhere.invalid/model.safetensors", sha256), offline)


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "another", "g" * 64, "a" * 63])
def test_a_damaged_record_is_named(options: ModelOptions, content: str) -> None:
    path = fetched(options, CONTENT)
    record_of(path).write_text(content)
    with pytest.raises(ModelError, match="does not hold a SHA-256; delete it"):
        fetched(options, CONTENT)


def test_a_mirror_has_a_folder_for_each_detector(options: ModelOptions) -> None:
    base = FINDERS["owlv2_base"]
    mirrored = options.model_copy(update={"checkpoint_mirror": "https://mirror.example/models?token=x"})
    checkpoint = checkpoint_of(base, base.weights, mirrored)
    assert checkpoint is not None
    assert checkpoint.url == "https://mirror.example/models/owlv2_base/model.safetensors?token=x"
    assert checkpoint.sha256 == base.weights.sha256


def test_the_catalogue_states_what_is_known() -> None:
    assert list(FINDERS) == ["owlv2_base", "owlv2_large"]
    for name, model in FINDERS.items():
        assert model.name == name
        for file in (model.weights, model.merges):
            assert file.url.startswith("https://")
            assert (file.sha256 is None) == (file.size is None)
            assert file.source
    assert replace(FINDERS["owlv2_base"].merges, url="") == replace(LARGE.merges, url="")
