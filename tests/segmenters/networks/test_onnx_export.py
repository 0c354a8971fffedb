"""The graph of SAM's image encoder, whose loops over heads and rows the exporter unrolls, in each runtime.

The other networks' graphs are looked at in sam/test_golden.py, in their published sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from segmenters.networks.loading import load
from segmenters.networks.onnx_export import export
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.openvino_runtime import OpenVinoSession
from segmenters.runtimes.session import Half, Session
from segmenters.sam.inputs import canvas
from testing.weights import pictures
from tests.segmenters.parity import slim
from tests.segmenters.parity.slim import SLIM

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patched:
        slim.make_known(patched)
        yield slim.checkpoint(SLIM, tmp_path_factory.mktemp("checkpoint"))


def test_either_runtime_gives_the_features_of_torch(checkpoint: Path, tmp_path: Path) -> None:
    graph = tmp_path / "model.onnx"
    export(SLIM, Half.ENCODER, checkpoint, graph)
    assert list(tmp_path.iterdir()) == [graph]
    image = canvas(pictures.image("port"))
    with torch.inference_mode():
        [expected] = load(SLIM, Half.ENCODER, checkpoint)(torch.from_numpy(image))
    sessions: tuple[Session, ...] = (OnnxRuntimeSession(graph, 1), OpenVinoSession(graph, 1, bfloat16=False))
    for session in sessions:
        found = session.run({"image": image}, ("image_embeddings",))["image_embeddings"]
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-4)
