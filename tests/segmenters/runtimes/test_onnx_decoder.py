from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import onnx
import pytest

from segmenters.runtimes.onnx_decoder import read_decoder
from segmenters.runtimes.onnx_file import inputs, outputs
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from tests.segmenters.runtimes import graphs
from values.errors import ModelError

PROMPT = {
    "image_embeddings": np.zeros((1, 256, 64, 64), np.float32),
    "point_coords": np.full((1, 7, 2), 5, np.float32),
    "point_labels": np.ones((1, 7), np.float32),
    "mask_input": np.full((1, 1, 256, 256), -3, np.float32),
    "has_mask_input": np.ones(1, np.float32),
}
# With `return_extra_metrics` the exporter's five outputs get three names, in this order.
EXTRA_METRICS = (
    "float[?, 4] iou_predictions, float[?, ?, ?, ?] low_res_masks)",
    "float[?, 4] iou_predictions, float[?, ?] low_res_masks, int64[?, ?] areas, float[?, ?, ?, ?] logits)",
)
FIVE = (
    EXTRA_METRICS,
    ("low_res_masks = Concat", "logits = Concat"),
    ("(low_res_masks)", "(logits)"),
    ("Mul (low_res_masks, size)", "Mul (logits, size)"),
    ("best = ", "areas = Cast <to = 7> (best) low_res_masks = Neg (best) best = "),
)


def refusal(path: Path) -> str:
    """What is said about the file, which names it."""
    with pytest.raises(ModelError, match=re.escape(str(path))) as caught:
        read_decoder(path)
    return caught.value.detail


def check_answer(graph: bytes) -> None:
    """That the graph does what the small decoder's does."""
    answer = OnnxRuntimeSession(graph, 1).run(PROMPT, ("low_res_masks", "iou_predictions"))
    assert (answer["low_res_masks"] == np.full((1, 4, 256, 256), -3)).all()
    assert (answer["iou_predictions"] == np.full((1, 4), 2)).all()


def test_what_makes_masks_of_full_size_is_left_out(tmp_path: Path) -> None:
    found = read_decoder(graphs.decoder(tmp_path / "decoder.onnx"))
    model = onnx.load_model_from_string(found.graph)
    assert list(inputs(model)) == list(PROMPT)
    assert list(outputs(model)) == ["low_res_masks", "iou_predictions"]
    assert [node.op_type for node in model.graph.node] == ["Concat", "ReduceMax", "ReduceMax", "Add"]
    assert found.masks == 4
    check_answer(found.graph)


def test_a_file_without_masks_of_full_size_is_a_decoder_too(tmp_path: Path) -> None:
    path = graphs.decoder(
        tmp_path / "decoder.onnx",
        (", float[2] orig_im_size", ""),
        ("float[?, ?, ?, ?] masks, ", ""),
        ("size = ReduceMax <keepdims = 0> (orig_im_size)", ""),
        ("masks = Mul (low_res_masks, size)", ""),
    )
    check_answer(read_decoder(path).graph)


def test_logits_that_the_exporter_misnames_are_found(tmp_path: Path) -> None:
    found = read_decoder(graphs.decoder(tmp_path / "metrics.onnx", *FIVE))
    assert list(outputs(onnx.load_model_from_string(found.graph))) == ["low_res_masks", "iou_predictions"]
    check_answer(found.graph)


def test_five_outputs_that_are_named_rightly_keep_their_names(tmp_path: Path) -> None:
    path = graphs.decoder(
        tmp_path / "metrics.onnx",
        (
            "float[?, ?, ?, ?] low_res_masks)",
            "float[?, ?, ?, ?] low_res_masks, float[1] size, float[?, ?, ?, ?] more)",
        ),
        ("size = ", "more = Neg (low_res_masks) size = "),
    )
    check_answer(read_decoder(path).graph)


def test_a_file_that_chooses_has_one_mask(tmp_path: Path) -> None:
    path = graphs.decoder(
        tmp_path / "single.onnx",
        ("(mask_input, mask_input, mask_input, mask_input)", "(mask_input)"),
        ("float[?, 4] iou", "float[?, ?] iou"),
    )
    assert read_decoder(path).masks == 1


def test_weights_beside_the_file_become_part_of_the_graph(tmp_path: Path) -> None:
    path = _with_weights_beside(tmp_path / "decoder.onnx")
    graph = read_decoder(path).graph
    (tmp_path / "decoder.data").unlink()
    check_answer(graph)


def test_weights_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    path = _with_weights_beside(tmp_path / "decoder.onnx")
    beside = tmp_path / "decoder.data"
    beside.rename(tmp_path / "elsewhere")
    assert "missing" in refusal(path)
    os.link(tmp_path / "elsewhere", beside)  # which ONNX refuses
    assert "cannot read the weights" in refusal(path)


def _with_weights_beside(path: Path) -> Path:
    zeros = np.zeros((1, 4, 256, 256), np.float32)
    text = graphs.DECODER.replace("low_res_masks = Concat", "whole = Concat").replace(
        "clicked =", "low_res_masks = Add (whole, weight) clicked ="
    )
    model = graphs.model(text, weight=zeros)
    onnx.save(model, str(path), save_as_external_data=True, location="decoder.data")
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "float[1, points, 2] point_coords",
            "float[1, 5, 2] point_coords",
            "takes point_coords as float32 (1, 5, 2), not float32 (1, any, 2)",
        ),
        (
            "float[1, 256, 64, 64] image",
            "float16[1, 256, 64, 64] image",
            "takes image_embeddings as float16 (1, 256, 64, 64), not float32 (1, 256, 64, 64)",
        ),
        ("float[1, 256, 64, 64] image", "float[1, 128, 64, 64] image", "float32 (1, 128, 64, 64)"),
        ("float[1] has", "float[1, 1] has", "takes has_mask_input as float32 (1, 1), not float32 (1)"),
        ("has_mask_input", "has_mask", "lacks the inputs has_mask_input (it takes image_embeddings: float32"),
        (
            "float[2] orig_im_size",
            "float[1, 32, 256, 256] high_res_feats_0, float[2] orig_im_size",
            "is a decoder of SAM 2 (it takes high_res_feats_0)",
        ),
        ("low_res_masks", "low", "lacks the outputs low_res_masks (it gives masks: float32 (any, any, any"),
        ("iou_predictions", "scores", "lacks the outputs iou_predictions"),
        (
            "(mask_input, mask_input, mask_input, mask_input)",
            "(mask_input, mask_input, mask_input)",
            "not 1 or 4 masks",
        ),
        ("Add (best, clicked)", "Cast <to = 11> (best)", "does not run"),
        ("Add (best, clicked)", "Sum (best, clicked, size)", "needs orig_im_size for its logits"),
        ("Add (best, clicked)", "Unknown (best, clicked)", "does not run: ONNX Runtime cannot load"),
    ],
)
def test_what_does_not_fit_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    refused = refusal(graphs.decoder(tmp_path / "decoder.onnx", (old, new)))
    assert said in refused
    assert "; " in refused, "no remedy"


@pytest.mark.parametrize("points", [1, 3, 5])
def test_a_number_of_points_that_became_a_constant_is_found(points: int, tmp_path: Path) -> None:
    flat = f"shape = Constant <value = int64[2] {{1, {2 * points}}}> () flat = Reshape (point_coords, shape)"
    path = graphs.decoder(
        tmp_path / "traced.onnx",
        ("clicked = ReduceMax <axes = [1, 2], keepdims = 0> (point_coords)", f"{flat} clicked = Largest"),
        ("Largest", "ReduceMax <axes = [1], keepdims = 0> (flat)"),
    )
    refused = refusal(path)
    assert "does not run" in refused
    assert "Reshape" in refused
    assert "any number of points" in refused


def test_an_encoder_is_no_decoder(tmp_path: Path) -> None:
    refused = refusal(graphs.encoder(tmp_path / "encoder.onnx"))
    assert "looks like an image encoder" in refused
    assert "ONNX_ENCODER" in refused
