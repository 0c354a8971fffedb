"""Graphs in each runtime: of SAM's image encoder, whose loops over heads and rows the exporter unrolls, and
of HQ-SAM, whose kernels are made for each prompt.

The other networks' graphs are looked at in sam/test_golden.py, in their published sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from segmenters.networks.loading import example, load
from segmenters.networks.onnx_export import export
from segmenters.networks.prompt_batch import ImagePart, PromptsPart
from segmenters.runtimes.exported_graphs import IMAGE_PART, PROMPTS_PART
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.openvino_runtime import OpenVinoSession
from segmenters.runtimes.session import Array, Half, Session
from segmenters.sam.inputs import canvas
from testing.weights import pictures
from tests.segmenters.parity import slim
from tests.segmenters.parity.slim import SLIM, SLIM_HQ

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patched:
        slim.make_known(patched)
        yield slim.checkpoint(SLIM, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def checkpoint_hq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patched:
        slim.make_known(patched)
        yield slim.checkpoint(SLIM_HQ, tmp_path_factory.mktemp("checkpoint"))


def sessions(graph: Path) -> tuple[Session, Session]:
    return OnnxRuntimeSession(graph, 1), OpenVinoSession(graph, 1, bfloat16=False)


def same(found: dict[str, Array], names: Sequence[str], expected: Sequence[torch.Tensor]) -> None:
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-5, atol=1e-4, err_msg=name)


def test_either_runtime_gives_the_features_of_torch(checkpoint: Path, tmp_path: Path) -> None:
    graph = tmp_path / "model.onnx"
    export(SLIM, Half.ENCODER, checkpoint, graph)
    assert list(tmp_path.iterdir()) == [graph]
    image = canvas(pictures.image("port"))
    with torch.inference_mode():
        [expected] = load(SLIM, Half.ENCODER, checkpoint)(torch.from_numpy(image))
    for session in sessions(graph):
        same(session.run({"image": image}, ("image_embeddings",)), ("image_embeddings",), [expected])


def test_hq_sam_in_either_runtime_is_as_in_torch(checkpoint_hq: Path, tmp_path: Path) -> None:
    names, answer = tuple(SLIM_HQ.outputs), ("low_res_masks", "iou_predictions")
    image, points = canvas(pictures.image("port")), example(SLIM_HQ, Half.DECODER)
    graphs = {half: tmp_path / half / "model.onnx" for half in Half}
    for half, graph in graphs.items():
        graph.parent.mkdir()
        export(SLIM_HQ, half, checkpoint_hq, graph)
    encoder, decoder = (load(SLIM_HQ, half, checkpoint_hq) for half in Half)
    with torch.inference_mode():
        features = dict(zip(names, encoder(torch.from_numpy(image)), strict=True))
        click = points | features | {"point_coords": torch.tensor([[[400.0, 300.0], [0.0, 0.0]]])}
        alone = decoder(**click)
        shared = dict(zip(SLIM_HQ.shared, ImagePart(decoder)(**features), strict=True))
        several = {
            key: click[key].expand(3, *click[key].shape[1:]) for key in ("point_coords", "point_labels")
        }
        together = PromptsPart(decoder)(**shared, **several)
    for session in sessions(graphs[Half.ENCODER]):
        same(session.run({"image": image}, names), names, [*features.values()])
    for session in sessions(graphs[Half.DECODER]):
        same(session.run(arrays(click), answer), answer, alone)
    for session in sessions(graphs[Half.DECODER].with_name(IMAGE_PART)):
        same(session.run(arrays(features), SLIM_HQ.shared), SLIM_HQ.shared, [*shared.values()])
    for session in sessions(graphs[Half.DECODER].with_name(PROMPTS_PART)):
        same(session.run(arrays(shared | several), answer), answer, together)


def arrays(tensors: dict[str, torch.Tensor]) -> dict[str, Array]:
    return {name: value.contiguous().numpy() for name, value in tensors.items()}
