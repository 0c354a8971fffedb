from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from testing.running_app import ROOT
from testing.weights import pictures
from testing.weights.models import stand_in
from tests.segmenters.sam.working import MODELS
from values.embedding import Embedding

pytestmark = pytest.mark.slow


class _Keeping(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@contextmanager
def _logged() -> Iterator[list[logging.LogRecord]]:
    """What Serve's logger is told, which does not always propagate."""
    records: list[logging.LogRecord] = []
    handler = _Keeping(records)
    logger = logging.getLogger("ray.serve")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_failed_export_falls_back_to_torch_with_one_warning(tmp_path: Path) -> None:
    segmenter = stand_in("mobile_sam", tmp_path)
    (tmp_path / "exports").touch()  # a file where the folder should be
    with _logged() as records:
        decoder = segmenter.load_decoder(1)
    warnings = [each.getMessage() for each in records if each.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "torch runs the decoder instead" in warnings[0]
    arrays = {"image_embeddings": np.zeros((1, 256, 64, 64), np.float32)}
    embedding = Embedding(arrays, segmenter.version, 320, 200, 1024, 640)
    assert decoder.decode(embedding, pictures.prompts("land")["click"]).logits.shape == (3, 256, 256)


def test_what_runs_is_logged(models: Path) -> None:
    with _logged() as records:
        stand_in("mobile_sam", models).load_decoder(1)
    said = "the decoder of mobile_sam runs in onnxruntime on cpu in float32 (the settings name the device)"
    assert said in [each.getMessage() for each in records]


# Loads a decoder in a process of its own, and says what that process holds.
_ALONE = """
import pickle, sys
from pathlib import Path
segmenter = pickle.loads(bytes.fromhex(sys.argv[1]))
decoder = segmenter.load_decoder(1)
print("torch" in sys.modules, "transformers" in sys.modules)
status = Path("/proc/self/status").read_text().splitlines()
print(*(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("name", MODELS)
def test_a_decoder_holds_no_encoder_and_no_torch(models: Path, name: str) -> None:
    segmenter = stand_in(name, models)
    segmenter.load_decoder(1)  # exports, if no other test has
    command = [sys.executable, "-c", _ALONE, pickle.dumps(segmenter).hex()]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert said[:2] == ["False", "False"]
    # In kB. The encoder of ViT-B has 358 MB; Ray and Serve take half of the 600 that a replica may have.
    assert int(said[2]) < 300 * 1024
