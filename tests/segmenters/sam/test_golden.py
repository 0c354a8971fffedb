"""Every model in every runtime, from an image's file to masks, against what the official code made of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.candidates import single
from segmenters.resample import to_mask
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.inputs import decoder_inputs
from testing.weights import pictures
from tests.segmenters.sam.working import MODELS, AtWork, Load
from values.masks import Masks

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[2] / "golden"
TOLERANCE = 1e-4
HIGH_RES = {"hires0": ("high_res_0", 32), "hires1": ("high_res_1", 16)}

Golden = dict[str, NDArray[Any]]


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


# In torch slim networks of each family are compared with the publisher's code (parity/test_networks.py).
_RARE = {Runtime.TORCH: pytest.mark.full}


@pytest.fixture(params=[pytest.param(each, marks=_RARE.get(each, ())) for each in Runtime])
def encoded(name: str, request: pytest.FixtureRequest, load: Load) -> AtWork:
    return load(name, Execution(encoder="cpu", runtime=request.param))


def test_embeddings_are_the_official_ones(encoded: AtWork) -> None:
    golden = _golden(encoded.name)
    for image, embedding in encoded.embeddings.items():
        assert (embedding.width, embedding.height) == pictures.SIZES[image]
        arrays = embedding.arrays
        _close(arrays["image_embeddings"][0, ::16, 3::8, 3::8], golden[f"{image}/embed"])
        for key, (name, step) in HIGH_RES.items():
            if f"{image}/{key}" in golden:
                _close(arrays[name][0, ::8, 5::step, 5::step], golden[f"{image}/{key}"])


def test_logits_scores_and_masks_are_the_official_ones(encoded: AtWork) -> None:
    for image, embedding in encoded.embeddings.items():
        for name, prompt in pictures.prompts(image).items():
            masks = encoded.decoder.decode(embedding, prompt)
            kind = "multi" if prompt.count == 1 else "single"
            _check(encoded, f"{image}/{name}/{kind}", masks, image)


def test_an_earlier_answer_is_refined_as_officially(encoded: AtWork) -> None:
    prompts, embedding = pictures.prompts("land"), encoded.embeddings["land"]
    asked = decoder_inputs(prompts["click"], embedding, encoded.family)
    answer = encoded.session.run({**embedding.arrays, **asked}, ("low_res_masks", "iou_predictions"))
    [earlier], _ = single(answer["low_res_masks"][0], answer["iou_predictions"][0], encoded.family)
    refined = encoded.decoder.decode(embedding, replace(prompts["pair"], low_res=earlier))
    _check(encoded, "land/pair_after_click/single", refined, "land")


def test_scores_and_logits_are_float32_whatever_runs(encoded: AtWork) -> None:
    masks = encoded.decoder.decode(encoded.embeddings["land"], pictures.prompts("land")["click"])
    assert masks.logits.dtype == masks.scores.dtype == np.float32
    assert (masks.logits.shape, masks.scores.shape) == ((3, 256, 256), (3,))


def _check(encoded: AtWork, key: str, masks: Masks, image: str) -> None:
    golden = _golden(encoded.name)
    low = masks.logits[:, 3::8, 3::8]
    if encoded.name.startswith("sam2"):
        low = low.clip(-32, 32)  # as its predictor returns them; masks are made of the unclamped ones
    _close(low, golden[f"{key}/low"])
    _close(masks.scores, golden[f"{key}/iou"])
    width, height = pictures.SIZES[image]
    full = np.stack([to_mask(logits, masks.frame, width, height) for logits in masks.logits])
    if f"{key}/area" in golden:
        assert np.abs(full.sum((1, 2)) - golden[f"{key}/area"]).max() <= 4
    if f"{key}/mask" in golden:
        official = np.unpackbits(golden[f"{key}/mask"], axis=1, count=width * height).reshape(full.shape)
        assert np.count_nonzero(full != official, axis=(1, 2)).max() <= 4


def _close(ours: NDArray[Any], official: NDArray[Any]) -> None:
    np.testing.assert_allclose(ours, official, rtol=0, atol=TOLERANCE)


@cache
def _golden(model: str) -> Golden:
    with np.load(GOLDEN / f"{model}.npz") as arrays:
        return dict(arrays)
