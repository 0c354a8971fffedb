"""Drawn masks in processes that can be ended: the same masks, and a sentence for each end."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.decoding_processes.client import Ended, Unread
from imaging.decoding_processes.pool import Processes
from imaging.mask_prompt_decoders import MaskPromptDecoders
from protocol import bitmask, brush_rle
from protocol.drawings import Drawing
from protocol.mask_prompts import read
from values.errors import BadPrompt, Overloaded, ServiceError
from values.options import PixelLimit

MASK = np.zeros((1100, 900), np.bool_)
MASK[10:400, 20:700] = True
RLE = Drawing("rle", brush_rle.encode(MASK).tobytes(), 900, 1100)
PNG = Drawing("opaque png", bitmask.png(MASK), 900, 1100)
CORNERS = np.array([[0.1, 0.1], [0.9, 0.2], [0.5, 0.95]])
POLYGON = Drawing("polygon", CORNERS.tobytes(), 9000, 11000)


def grey() -> Drawing:
    buffer = io.BytesIO()
    Image.fromarray(MASK.view(np.uint8)).save(buffer, "PNG")
    return Drawing("png", buffer.getvalue(), 900, 1100)


@pytest.fixture(scope="module")
def pool() -> Iterator[Processes]:
    made = Processes("imaging.mask_prompt_process")
    yield made
    made.close()


@pytest.mark.parametrize("drawing", [RLE, PNG, grey(), POLYGON], ids=lambda drawing: drawing.kind)
def test_a_process_reads_what_this_one_would(pool: Processes, drawing: Drawing) -> None:
    found, here = MaskPromptDecoders(PixelLimit(), lambda: pool)(drawing), read(drawing)
    np.testing.assert_array_equal(found.box, here.box)
    assert (found.mask is None, here.mask is None) == (False, False)
    np.testing.assert_array_equal(found.mask, here.mask)


def test_behind_a_large_mask_its_process_ends(pool: Processes) -> None:
    masks = MaskPromptDecoders(PixelLimit(), lambda: pool)
    small, large = Drawing("rle", _all_on(100), 100, 100), Drawing("rle", _all_on(4001), 4001, 4001)
    asked = [(masks(each).box.tolist(), len(pool._idle)) for each in (small, small, large, small)]
    assert asked == [([0, 0, 1, 1], 1), ([0, 0, 1, 1], 1), ([0, 0, 1, 1], 0), ([0, 0, 1, 1], 1)]
    masks(POLYGON)
    assert len(pool._idle) == 1, "a polygon is drawn at prompt size, however large its picture is"


def _all_on(side: int) -> bytes:
    return brush_rle.encode(np.ones((side, side), np.bool_)).tobytes()


def test_what_is_refused_there_is_refused_here(pool: Processes) -> None:
    masks = MaskPromptDecoders(PixelLimit(), lambda: pool)
    with pytest.raises(BadPrompt, match="damaged"):
        masks(Drawing("rle", RLE.data[:20], 900, 1100))
    with pytest.raises(BadPrompt, match="its image 90 x 110"):
        masks(replace(PNG, width=90, height=110))


class Pool:
    """Answers, or fails, as told; ``fresh``: whether a new process was wanted."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.fresh: list[bool] = []

    def ask(
        self, job: dict[str, Any], data: bytes, most: int, *, fresh: bool
    ) -> tuple[dict[str, Any], bytes]:
        self.fresh.append(fresh)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        head, content = answer
        return dict(head), content


GOOD = ({"box": [0, 0, 0.5, 1], "shape": [1, 2]}, np.ones(2, np.float32).tobytes())


def masks(pool: Pool) -> MaskPromptDecoders:
    return MaskPromptDecoders(PixelLimit(), lambda: pool)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("ends", "error", "sentence"),
    [
        ([Ended(signal.SIGALRM, fresh=False)], BadPrompt, "longer than 30 s"),
        ([Ended(signal.SIGSEGV, fresh=True)], BadPrompt, "breaks its decoder"),
        ([Ended(signal.SIGSEGV, fresh=False)] * 2, BadPrompt, "breaks its decoder"),
        ([Ended(signal.SIGKILL, fresh=False)] * 2, Overloaded, "want of memory"),
        ([Unread(None)] * 2, Overloaded, "no process"),
    ],
)
def test_how_a_process_ends_is_told(ends: list[Exception], error: type[ServiceError], sentence: str) -> None:
    pool = Pool(*ends)
    with pytest.raises(error, match=sentence):
        masks(pool)(PNG)
    assert pool.fresh == [False, True][: len(ends)]


@pytest.mark.parametrize("end", [Unread(None), Ended(signal.SIGKILL, fresh=False)])
def test_what_may_be_a_mask_befores_doing_is_tried_anew(end: Exception) -> None:
    assert masks(Pool(end, GOOD))(PNG).box.tolist() == [0, 0, 0.5, 1]


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"box": [0, 0, 1], "shape": [1, 2]},
        {"box": [0, 0, 2, 1], "shape": [1, 2]},
        {"box": [0, 0, float("nan"), 1], "shape": [1, 2]},
        {"box": [0, 0, 1, 1], "shape": [2, 2]},
        {"box": [0, 0, 1, 1], "shape": [-1, 2**40]},
        {"box": "abcd", "shape": [1, 2]},
    ],
    ids=str,
)
def test_nothing_that_a_process_answers_is_believed(head: dict[str, Any]) -> None:
    with pytest.raises(BadPrompt, match="breaks its decoder"):
        masks(Pool((head, GOOD[1])))(PNG)


def test_a_sentence_of_a_process_is_short_and_on_one_line() -> None:
    with pytest.raises(BadPrompt) as caught:
        masks(Pool(({"error": "bad_prompt", "detail": "a\n" + "b" * 1000}, b"")))(PNG)
    assert len(caught.value.detail) == 300
    assert caught.value.detail.isprintable()
