"""Many prompts on one image against each alone, in the runtimes that run an exported graph.

In torch: networks/test_prompt_batch.py. An embedding of noise needs no encoder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmenters.many_prompts import segment_many
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.prompt_batch import FEWEST
from testing.weights.models import stand_in
from values.embedding import Embedding
from values.prompt import Prompt

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("runtime", [Runtime.ONNXRUNTIME, Runtime.OPENVINO])
@pytest.mark.parametrize("name", ["mobile_sam", "sam2.1_hiera_tiny"])
def test_prompts_together_are_answered_as_each_alone(name: str, runtime: Runtime, models: Path) -> None:
    model = stand_in(name, models, Execution("cpu", "cpu", runtime))
    random = np.random.default_rng(5)
    outputs = model.architecture.outputs.items()
    arrays = {key: random.standard_normal((1, *shape), np.float32) / 2 for key, shape in outputs}
    embedding = Embedding(arrays, model.version, 320, 200, *model.input.scaled(320, 200))
    boxes = [np.array([0.1 * number, 0.2, 0.6, 0.8]) for number in range(FEWEST + 1)]
    clicks = np.array([[0.5, 0.4]]), np.ones(1, np.int32)
    prompts = [*(Prompt(box=box) for box in boxes), *(Prompt(*clicks, box) for box in boxes)]
    decoder = model.load_decoder(1)
    alone = [decoder.decode(embedding, prompt) for prompt in prompts]
    decoder.take_idle_cores(2)
    found = list(segment_many(decoder, embedding, prompts))
    for expected, masks in zip(alone, found, strict=True):
        np.testing.assert_allclose(masks.logits, expected.logits, rtol=0, atol=1e-4)
        np.testing.assert_allclose(masks.scores, expected.scores, rtol=0, atol=1e-4)
    prepared = decoder.prepared(embedding)
    assert prepared is not None
    for expected, prompt in zip(alone, prompts, strict=True):
        masks = decoder.decode(prepared, prompt)
        np.testing.assert_allclose(masks.logits, expected.logits, rtol=0, atol=1e-4)
        np.testing.assert_allclose(masks.scores, expected.scores, rtol=0, atol=1e-4)
    wide = decoder.decode(embedding, prompts[0])
    np.testing.assert_allclose(wide.logits, alone[0].logits, rtol=0, atol=1e-5)
