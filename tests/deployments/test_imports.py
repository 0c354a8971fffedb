"""What a process of the ingress loads: the libraries that models need are most of a decoder's memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deployments.options import IngressOptions
from imaging.options import ImageOptions
from protocol.options import ReadOptions
from segmenters import registry
from segmenters.options import ModelOptions
from values.click_answer import Busy, ClickAnswer, QueueState
from values.errors import error_classes

ROOT = Path(__file__).resolve().parents[2]

HEAVY = {
    "boto3",
    "cv2",
    "obstore",
    "onnx",
    "onnxruntime",
    "openvino",
    "PIL",
    "safetensors",
    "segmenters",
    "torch",
}
"""What only reading images, encoding, decoding and keeping embeddings need."""

_QUEUE = QueueState("decoder", 0.0, 0.1, 1.5)
BOUND = (
    IngressOptions(),
    ImageOptions(),
    ReadOptions(),
    registry.choose(ModelOptions(model="classical")).served,
)
ANSWERS = (
    ClickAnswer(
        [{"value": {"rle": np.zeros(8, np.uint8)}}], 0.9, True, {"decode": 0.1}, "classical-1", _QUEUE
    ),
    Busy(_QUEUE),
    *(error("a sentence") for error in error_classes()),
)


def loaded(script: str, given: bytes = b"") -> set[str]:
    """The packages that a fresh process has loaded behind ``script``, which reads ``given``."""
    command = [sys.executable, "-c", f"import pickle, sys; {script}; print(*sys.modules)"]
    said = subprocess.run(command, input=given, cwd=ROOT, capture_output=True, check=True).stdout
    return {name.partition(".")[0] for name in said.decode().split()}


@pytest.mark.parametrize("crossing", [BOUND, ANSWERS], ids=["what it is bound", "what decoders answer"])
def test_the_ingress_loads_nothing_that_only_models_need(crossing: object) -> None:
    script = "import deployments.ingress; pickle.load(sys.stdin.buffer)"
    found = loaded(script, pickle.dumps(crossing))
    assert "deployments" in found
    assert not found & HEAVY
