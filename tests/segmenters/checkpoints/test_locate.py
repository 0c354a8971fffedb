from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from segmenters.checkpoints.locate import State, model_folder, official_checkpoint, state_of
from segmenters.models import PUBLISHED
from segmenters.options import ModelOptions
from values.errors import ModelError

NAME = "sam2.1_hiera_tiny"


def options(**given: Any) -> ModelOptions:
    return ModelOptions.model_validate(given)


def test_the_publishers_file_in_the_model_folder(tmp_path: Path) -> None:
    checkpoint = official_checkpoint(NAME, options(model_dir=tmp_path))
    assert checkpoint.path == tmp_path / f"{NAME}.pt"
    assert (checkpoint.sha256, checkpoint.url) == (PUBLISHED[NAME].sha256, PUBLISHED[NAME].url)
    assert checkpoint.label == NAME
    assert pickle.loads(pickle.dumps(checkpoint)) == checkpoint


def test_offline_nothing_is_downloaded(tmp_path: Path) -> None:
    given = options(model_dir=tmp_path, offline=True, checkpoint_mirror="http://mirror.test/")
    assert official_checkpoint(NAME, given).url is None


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        ("https://mirror.test/sam", f"https://mirror.test/sam/{NAME}.pt"),
        ("https://mirror.test/sam/", f"https://mirror.test/sam/{NAME}.pt"),
        ("http://mirror.test", f"http://mirror.test/{NAME}.pt"),
        (" https://mirror.test/a?token=1&b=2 ", f"https://mirror.test/a/{NAME}.pt?token=1&b=2"),
        ("https://user:word@mirror.test:8443/a#b", f"https://user:word@mirror.test:8443/a/{NAME}.pt"),
    ],
)
def test_a_mirror_has_the_file_in_its_folder(mirror: str, expected: str) -> None:
    assert official_checkpoint(NAME, options(checkpoint_mirror=mirror)).url == expected


@pytest.mark.parametrize(
    "mirror", ["", "mirror.test/sam", "/srv/sam", "s3://bucket/sam", "https://", "http://["]
)
def test_a_mirror_that_is_no_url_ends_in_a_sentence(mirror: str) -> None:
    with pytest.raises(ModelError, match="CHECKPOINT_MIRROR must be"):
        official_checkpoint(NAME, options(checkpoint_mirror=mirror))


def test_a_token_of_the_mirror_is_not_shown() -> None:
    checkpoint = official_checkpoint(NAME, options(checkpoint_mirror="https://mirror.test/a?token=CANARY"))
    assert "CANARY" not in repr(checkpoint)


def test_the_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert model_folder(options(model_dir="models")) == tmp_path / "models"
    assert model_folder(options(model_dir="~/models")) == tmp_path / "home" / "models"


def test_nobodys_home_ends_in_a_sentence() -> None:
    with pytest.raises(ModelError, match="set MODEL_DIR"):
        model_folder(options(model_dir="~no_such_user_here/models"))


def test_states(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    assert state_of(file, 3) is State.MISSING
    file.write_bytes(b"abc")
    assert state_of(file, 3) is State.ON_DISK
    assert state_of(file, 4) is State.DAMAGED
    assert state_of(file / "inside", 3) is State.MISSING
    assert state_of(tmp_path, tmp_path.stat().st_size) is State.DAMAGED
