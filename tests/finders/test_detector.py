"""The detector that the settings name: which files it needs, and what it is called."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from finders import detector as module
from finders.catalogue import FINDERS
from finders.detector import check, detector_of
from finders.files import path_of
from finders.options import FinderOptions
from segmenters.options import ModelOptions
from values.errors import ModelError

BASE = FINDERS["owlv2_base"]
NAMED = FinderOptions(finder="owlv2_base")


@pytest.fixture
def offline(tmp_path: Path) -> ModelOptions:
    return ModelOptions(model_dir=tmp_path, offline=True)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, offline: ModelOptions) -> ModelOptions:
    """Files of a few bytes, of whose weights nobody states a hash."""
    model = replace(
        BASE,
        weights=replace(BASE.weights, sha256=None, size=None),
        merges=replace(BASE.merges, sha256=hashlib.sha256(b"m").hexdigest(), size=1),
    )
    monkeypatch.setattr(module, "FINDERS", {"owlv2_base": model})
    path_of(model, model.weights, offline).parent.mkdir(parents=True)
    path_of(model, model.weights, offline).write_bytes(b"weights")
    path_of(model, model.merges, offline).write_bytes(b"m")
    return offline


def test_the_setting_takes_the_names_of_the_catalogue() -> None:
    assert set(get_args(FinderOptions.model_fields["finder"].annotation)) == {"none", *FINDERS}


def test_there_is_none_unless_it_is_named(offline: ModelOptions) -> None:
    assert detector_of(FinderOptions(), offline) is None
    check(FinderOptions(), offline)


def test_a_published_one_is_named_by_its_hash_before_it_is_downloaded(tmp_path: Path) -> None:
    found = detector_of(NAMED, ModelOptions(model_dir=tmp_path))
    assert found is not None
    assert (found.version, found.input) == ("owlv2_base-e1e130b9", BASE.architecture.input)
    assert list(tmp_path.iterdir()) == []
    assert pickle.loads(pickle.dumps(found)) == found


def test_what_nobody_states_the_hash_of_is_taken_as_it_is(small: ModelOptions) -> None:
    found = detector_of(NAMED, small)
    assert found is not None
    assert found.model.weights.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert found.version == f"owlv2_base-{hashlib.sha256(b'weights').hexdigest()[:8]}"


@pytest.mark.parametrize("function", [detector_of, check])
def test_missing_files_and_no_download(function: Any, offline: ModelOptions) -> None:
    with pytest.raises(ModelError, match="models download owlv2_base"):
        function(NAMED, offline)


@pytest.mark.parametrize("function", [detector_of, check])
def test_a_file_of_another_size(function: Any, small: ModelOptions) -> None:
    path_of(BASE, BASE.merges, small).write_bytes(b"more")
    with pytest.raises(ModelError, match=r"merges\.txt is not the file of owlv2_base, which has 1 bytes"):
        function(NAMED, small)


def test_a_gpu_that_is_not_there(small: ModelOptions) -> None:
    on_gpu = FinderOptions(finder="owlv2_base", finder_device="cuda")
    with pytest.raises(ModelError, match="FINDER_DEVICE is cuda and this machine has no GPU"):
        check(on_gpu, small, 0)
    check(on_gpu, small, 1)
    check(on_gpu, small)
