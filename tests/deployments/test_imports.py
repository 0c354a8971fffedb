"""What a process of the ingress loads: the libraries that models need are most of a decoder's memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.utils import canonicalize_name
from ray.serve import Application

from serve_app.app import build
from serve_app.settings import Settings
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

VENDORED = {"psutil"}
"""Ray has its own copy."""

_QUEUE = QueueState("decoder", 0.0, 0.1, 1.5)
ANSWERS = (
    ClickAnswer(
        [{"value": {"rle": np.zeros(8, np.uint8)}}], 0.9, True, {"decode": 0.1}, "classical-3", _QUEUE
    ),
    Busy(_QUEUE),
    *(error("a sentence") for error in error_classes()),
)


def loaded(script: str, given: bytes = b"") -> set[str]:
    """The packages that a fresh process has loaded behind ``script``, which reads ``given``."""
    command = [sys.executable, "-c", f"import pickle, sys; {script}; print(*sys.modules)"]
    said = subprocess.run(command, input=given, cwd=ROOT, capture_output=True, check=True).stdout
    return {name.partition(".")[0] for name in said.decode().split()}


def bound() -> list[Any]:
    """What the application binds to the ingress, but for the handles, which Ray makes."""
    given = build(Settings(model="classical"))._bound_deployment.init_args
    return [each for each in given if not isinstance(each, Application)]


OF_TESTS = {"pandas", "dateutil", "ujson", "coverage"}
"""What Ray Serve loads where it is there, and label-studio-sdk, an oracle of the tests, brings; the last
one is in each process that `make coverage` measures."""


@pytest.mark.slow
def test_what_only_developers_install_does_not_slow_down_what_ray_starts() -> None:
    """Some packages load whatever else they find: jsonschema so took a second of each process."""
    locked = {
        canonicalize_name(line.partition("==")[0])
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if line[:1].isalpha()
    }
    names = packages_distributions()
    foreign = {
        package
        for package in loaded("import ray.serve")
        if names.get(package) and locked.isdisjoint(canonicalize_name(name) for name in names[package])
    }
    assert foreign - OF_TESTS - VENDORED == set()


@pytest.mark.slow
@pytest.mark.parametrize("crossing", [bound(), ANSWERS], ids=["what it is bound", "what decoders answer"])
def test_the_ingress_loads_nothing_that_only_models_need(crossing: object) -> None:
    script = "import deployments.ingress; pickle.load(sys.stdin.buffer)"
    found = loaded(script, pickle.dumps(crossing))
    assert "deployments" in found
    assert not found & HEAVY
