from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from segmenters.classical.segmenter import Classical
from segmenters.models import ARCHITECTURES, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.segmenter import SegmentAnything
from segmenters.segmenter import Segmenter
from testing.weights import checkpoints
from testing.weights.publishing import publish
from tests.segmenters.runtimes import graphs
from values.errors import ModelError


@pytest.fixture(scope="module")
def mobile_sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.write("mobile_sam", tmp_path_factory.mktemp("own") / "tuned.pt")


def _options(folder: Path, **more: Any) -> ModelOptions:
    return ModelOptions.model_validate({"model_dir": folder, "offline": True, **more})


def _chosen(options: ModelOptions, **more: bool) -> SegmentAnything:
    segmenter = choose(options, **more).segmenter
    assert isinstance(segmenter, SegmentAnything)
    return segmenter


def test_auto_falls_back_and_says_so(tmp_path: Path) -> None:
    choice = choose(_options(tmp_path))
    assert choice.segmenter == Classical()
    assert choice.fallback
    assert "needs no weights: of mobile_sam" in choice.reason


def test_a_named_model_is_no_fallback(tmp_path: Path) -> None:
    choice = choose(_options(tmp_path, model=" Classical "), gpu=True)
    assert not choice.fallback
    assert not choice.gpu, "it could not use one"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_that_may_be_downloaded_is_chosen_before_its_weights_are_there(
    tmp_path: Path, name: str
) -> None:
    choice = choose(ModelOptions(model=name, model_dir=tmp_path), gpu=True)
    segmenter = choice.segmenter
    assert isinstance(segmenter, SegmentAnything)
    assert segmenter.version == f"{name}-{PUBLISHED[name].sha256[:8]}"
    assert segmenter.checkpoint.url == PUBLISHED[name].url
    assert choice.gpu
    assert choice.reason == f"the settings name {name}"


def test_missing_weights_that_may_not_be_downloaded_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="models download sam_vit_h"):
        choose(_options(tmp_path, model="sam_vit_h"))


def test_weights_of_the_operators_own(tmp_path: Path, mobile_sam: Path) -> None:
    options = _options(tmp_path, model="mobile_sam", checkpoint=str(mobile_sam))
    segmenter = _chosen(options)
    assert segmenter.checkpoint.path == mobile_sam
    assert segmenter.checkpoint.url is None
    assert segmenter.version.startswith("mobile_sam-")
    assert segmenter.version != f"mobile_sam-{PUBLISHED['mobile_sam'].sha256[:8]}"


def test_a_relative_path_lies_in_the_models_folder(mobile_sam: Path) -> None:
    segmenter = _chosen(_options(mobile_sam.parent, model="mobile_sam", mobilesam_checkpoint="tuned.pt"))
    assert segmenter.checkpoint.path == mobile_sam


def test_the_examples_file_names_mean_the_published_ones(tmp_path: Path) -> None:
    options = ModelOptions(
        sam_choice="SAM", vith_checkpoint="/app/models/sam_vit_h_4b8939.pth", model_dir=tmp_path
    )
    segmenter = _chosen(options)
    assert segmenter.name == "sam_vit_h"
    assert segmenter.checkpoint.path == tmp_path / "sam_vit_h_4b8939.pth"
    assert segmenter.checkpoint.url == PUBLISHED["sam_vit_h"].url


def test_a_checkpoint_tells_auto_which_model_it_is(tmp_path: Path, mobile_sam: Path) -> None:
    choice = choose(_options(tmp_path, checkpoint=str(mobile_sam)))
    assert choice.segmenter.name == "mobile_sam"
    assert not choice.fallback
    assert "mobile_sam" in choice.reason


def test_a_published_checkpoint_tells_by_its_hash(
    tmp_path: Path, mobile_sam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TinySAM and MobileSAM have the same keys."""
    publish(monkeypatch, "tinysam", mobile_sam)
    assert choose(_options(tmp_path, checkpoint=str(mobile_sam))).segmenter.name == "tinysam"


def test_a_checkpoint_of_another_model_is_refused_before_it_is_loaded(
    tmp_path: Path, mobile_sam: Path
) -> None:
    with pytest.raises(ModelError, match="look like mobile_sam"):
        choose(_options(tmp_path, model="sam_vit_b", checkpoint=str(mobile_sam)))


def test_another_file_than_the_one_that_is_pinned_is_refused(tmp_path: Path, mobile_sam: Path) -> None:
    pinned = {"checkpoint": str(mobile_sam), "checkpoint_sha256": "0" * 64}
    with pytest.raises(ModelError, match=r"SHA-256 is .*, expected 0000"):
        choose(_options(tmp_path, model="mobile_sam", **pinned))


def test_a_damaged_published_checkpoint_is_refused(
    tmp_path: Path, mobile_sam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, "mobile_sam", mobile_sam)
    damaged = tmp_path / PUBLISHED["mobile_sam"].filename
    damaged.write_bytes(mobile_sam.read_bytes()[:-1])
    with pytest.raises(ModelError, match="is not the checkpoint of mobile_sam"):
        choose(_options(tmp_path, model="mobile_sam"))


def test_a_checkpoint_at_a_url(tmp_path: Path) -> None:
    url = "https://models.example/tuned.pt?token=canary"
    options = ModelOptions(
        model="mobile_sam", checkpoint=url, checkpoint_sha256="AB" * 32, model_dir=tmp_path
    )
    segmenter = _chosen(options)
    assert segmenter.checkpoint.path == tmp_path / "abababab-tuned.pt"
    assert segmenter.checkpoint.url == url
    assert "canary" not in repr(segmenter)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "clasical"}, "did you mean classical"),
        ({"model": "mobile_sam", "checkpoint": "https://x/y.pt"}, "CHECKPOINT_SHA256"),
        ({"checkpoint": "https://x/y.pt", "checkpoint_sha256": "0" * 64}, "set MODEL too"),
        ({"model": "mobile_sam", "checkpoint": "missing.pt"}, "missing.pt"),
        ({"model": "mobile_sam", "device": "cuda"}, "DEVICE is cuda and no node"),
        ({"model": "mobile_sam", "decoder_device": "cuda:1"}, "DECODER_DEVICE is cuda:1 and no node"),
        ({"model": "onnx"}, "set ONNX_CHECKPOINT"),
        ({"model": "onnx", "onnx_checkpoint": "missing.onnx"}, "sam_vit_h"),
        ({"model": "onnx", "onnx_checkpoint": "a.onnx", "onnx_encoder": "mobile_sm"}, "mobile_sam"),
        ({"model": "onnx", "onnx_checkpoint": "a.onnx", "onnx_encoder": "classical"}, "no encoder for onnx"),
        ({"sam2_config": "nonsense.yaml"}, "none of SAM 2's configs"),
    ],
)
def test_what_cannot_be_served_is_said_with_a_remedy(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError) as error:
        choose(_options(tmp_path, **settings))
    assert said in error.value.detail


@pytest.mark.parametrize("encoder", ["sam2.1_hiera_tiny", "sam_hq_vit_tiny"])
def test_an_encoder_that_gives_more_than_sams_has_no_onnx_decoder(tmp_path: Path, encoder: str) -> None:
    options = {"model": "onnx", "onnx_checkpoint": "a.onnx", "onnx_encoder": encoder}
    with pytest.raises(ModelError, match="set ONNX_ENCODER to a SAM"):
        choose(ModelOptions.model_validate({"model_dir": tmp_path, **options}))


def test_a_file_that_is_no_decoder_is_refused_before_it_is_loaded(tmp_path: Path, mobile_sam: Path) -> None:
    decoder = graphs.decoder(tmp_path / "other.onnx", ("has_mask_input", "mask_is_given"))
    named = {"onnx_checkpoint": str(decoder), "mobilesam_checkpoint": str(mobile_sam)}
    with pytest.raises(
        ModelError, match=r"other\.onnx is not a mask decoder of SAM: it lacks .*has_mask_input"
    ):
        choose(_options(tmp_path, model="onnx", onnx_encoder="mobile_sam", **named))


def test_a_checkpoint_without_a_model_is_said(tmp_path: Path) -> None:
    import torch

    torch.save({"some.weight": torch.zeros(1)}, tmp_path / "unknown.pt")
    with pytest.raises(ModelError, match="which model it belongs to; set MODEL too"):
        choose(_options(tmp_path, checkpoint="unknown.pt"))


def test_the_settings_of_execution_arrive(tmp_path: Path) -> None:
    settings = {
        "model": "mobile_sam",
        "model_dir": tmp_path,
        "runtime": "openvino",
        "precision": "bfloat16",
        "compile": True,
        "device": "cuda",
        "decoder_device": "auto",
    }
    segmenter = _chosen(ModelOptions.model_validate(settings), gpu=True)
    assert segmenter.execution == Execution("cuda", "cuda", Runtime.OPENVINO, "bfloat16", True)


def test_on_cpu_no_gpu_is_asked_for(tmp_path: Path) -> None:
    assert not choose(ModelOptions(model="mobile_sam", model_dir=tmp_path, device="cpu"), gpu=True).gpu
    assert not choose(ModelOptions(model="mobile_sam", model_dir=tmp_path)).gpu


@pytest.mark.parametrize("name", ["classical", "mobile_sam"])
def test_a_description_is_small_and_travels(tmp_path: Path, name: str) -> None:
    segmenter: Segmenter = choose(ModelOptions(model=name, model_dir=tmp_path)).segmenter
    shipped = pickle.dumps(segmenter)
    assert len(shipped) < 2000
    assert pickle.loads(shipped) == segmenter
