from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from segmenters.architectures import Family
from segmenters.model import LICENCES
from segmenters.models import ARCHITECTURES, MODELS, PUBLISHED, size_of

ROOT = Path(__file__).resolve().parents[2]

every = pytest.mark.parametrize("name", PUBLISHED)


def test_every_architecture_has_a_checkpoint_of_its_own() -> None:
    assert list(PUBLISHED) == list(ARCHITECTURES)
    assert {name: each.name for name, each in ARCHITECTURES.items()} == {name: name for name in PUBLISHED}
    for field in ("url", "sha256", "size", "filename"):
        known = [value for each in PUBLISHED.values() if (value := getattr(each, field)) is not None]
        assert len(set(known)) == len(known), field


@every
def test_a_checkpoint_can_be_checked(name: str) -> None:
    published = PUBLISHED[name]
    assert re.fullmatch(r"[0-9a-f]{64}", published.sha256)
    assert published.url.startswith("https://")
    assert "?" not in published.url
    assert Path(published.filename).suffix in (".pt", ".pth")
    assert name in published.filename.replace(".pth", "").replace(".pt", "")
    assert published.source


@every
def test_the_size_is_that_of_float32_weights(name: str) -> None:
    weights = ARCHITECTURES[name].parameters * 1e6
    if PUBLISHED[name].size is None:
        pytest.skip("no record has its size")
    # SAM 2 keeps what a video needs besides, all others keys and padding.
    assert PUBLISHED[name].size == pytest.approx(4 * weights, rel=0.02)


def test_every_family_has_a_licence() -> None:
    assert set(LICENCES) == set(Family)


def test_the_size_belongs_to_the_hash() -> None:
    large = PUBLISHED["sam2.1_hiera_large"]
    assert size_of(large.sha256) == large.size
    assert size_of("0" * 64) is None
    assert size_of(None) is None


@pytest.mark.parametrize("rank", ["rank_on_gpu", "rank_on_cpu"])
def test_no_two_models_have_one_rank(rank: str) -> None:
    ranks = sorted(getattr(each, rank) for each in MODELS.values() if getattr(each, rank))
    assert ranks == list(range(1, len(ranks) + 1))
    assert all(each.published and each.published.size for each in MODELS.values() if getattr(each, rank))


@every
def test_what_an_image_takes_is_what_its_arrays_have(name: str) -> None:
    architecture, model = ARCHITECTURES[name], MODELS[name]
    side, channels = architecture.input.side, 3
    pixel = 4 if architecture.input.fractions else 1
    assert model.pixels_mib == channels * side**2 * pixel >> 20
    floats = sum(c * height * width for c, height, width in architecture.outputs.values())
    assert model.embedding_mib == 4 * floats >> 20


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_made_by_its_own_module(name: str) -> None:
    assert MODELS[name].name == name
    assert callable(import_module(MODELS[name].module).make)


@pytest.mark.slow
def test_no_library_of_a_model_is_loaded_before_one_is_made() -> None:
    script = "import sys, segmenters.registry; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "segmenters.models" in ran.stdout.split()
    assert not {"cv2", "onnx", "onnxruntime", "openvino", "torch"} & set(ran.stdout.split())
