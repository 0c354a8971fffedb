"""What an encoder does in one setting: how fast, in how much memory, and whether masks stay the same."""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.agreement import KINDS, Agreement, Mask, agreement, prompts, shown
from benchmarks.encoder.network import Compiling, Dtype, Network, Setting, opened
from benchmarks.models.contenders import BASELINE
from segmenters.architectures import SIDE
from segmenters.networks.checkpoint_file import out_of_memory
from segmenters.sam.segmenter import SamEncoder, SegmentAnything
from testing.scenes import scene
from values.embedding import Embedding
from values.errors import ModelError
from values.image import Pixels

NETWORK = "network"
UINT8 = "uint8"
FLOAT32 = "float32"
# NETWORK is timed from inputs to outputs on the device, the others from pixels to arrays in the host's
# memory. SAM 2 gets its pixels as float32 when images are decoded.
WAYS = (NETWORK, UINT8, FLOAT32)

OUT_OF_MEMORY = "out of memory"

_GIB = 2**30
_PROMPTS_EACH = 2  # of each kind on every scene

Judge = Callable[[SamEncoder, int], Agreement]


@dataclass(frozen=True, slots=True)
class Effort:
    """``warmups``: first calls, which do not count. ``repeats``: calls that count, of each of WAYS."""

    warmups: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Figures:
    """``seconds``: of a batch, median, by way. ``start``: seconds of the first call, which compiles.

    ``memory``: GiB that torch held of a GPU at most, weights and compiling included. ``masks``: with those of
    the reference.
    """

    seconds: dict[str, float]
    start: float
    memory: float | None
    masks: Agreement


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. ``figures``: None where it failed; ``failure`` then says why."""

    model: str
    setting: Setting
    figures: Figures | None
    failure: str = ""

    def speed(self, way: str) -> float | None:
        """Images per second, or None where that was not measured."""
        if self.figures is None or way not in self.figures.seconds:
            return None
        return self.setting.batch / self.figures.seconds[way]


class Reference:
    """The masks of a model in float32, one image at a time, without TF32 anywhere."""

    def __init__(self, model: SegmentAnything, device: str, threads: int, scenes: int) -> None:
        """Of ``scenes`` scenes of one megapixel. Raises ``values.errors.ModelError``."""
        self._decoder = BASELINE.of(model).load_decoder(threads)
        self._pixels = pictures(scenes)
        with without_tf32():
            self._right = self._masks(opened(model, Dtype.FLOAT32, device, threads).encoder, 1)

    def agreement(self, encoder: SamEncoder, batch: int) -> Agreement:
        """Of the masks in all scenes when ``encoder`` takes ``batch`` of them at once."""
        return agreement(zip(self._right, self._masks(encoder, batch), strict=True))

    def _masks(self, encoder: SamEncoder, batch: int) -> list[list[Mask]]:
        found: list[list[Mask]] = []
        for start in range(0, len(self._pixels), batch):
            own = self._pixels[start : start + batch]
            embeddings = encoder.encode(_filled(own, batch))[: len(own)]
            for seed, embedding in enumerate(embeddings, start):
                found += self._decoded(embedding, seed)
        return found

    def _decoded(self, embedding: Embedding, seed: int) -> Iterator[list[Mask]]:
        for kind in KINDS:
            for prompt in prompts(kind, seed, SIDE, SIDE, _PROMPTS_EACH):
                yield shown(self._decoder.decode(embedding, prompt), SIDE, SIDE)


def measured(model: SegmentAnything, network: Network, setting: Setting, effort: Effort, judge: Judge) -> Row:
    """The row of a setting in whose dtype ``network`` is; a failure of it is a row as well."""
    try:
        figures = _measure(model, network, setting, effort, judge)
    except ModelError as error:
        return Row(model.name, setting, None, failure(error))
    finally:
        if setting.compiling is not Compiling.NONE:
            torch.compiler.reset()  # compiled code would hold memory that the next row needs
    return Row(model.name, setting, figures)


def failure(error: ModelError) -> str:
    """Why a row has no figures: ``OUT_OF_MEMORY`` or a sentence."""
    why = error.__context__  # what torch said
    if why is not None and ("out of memory" in str(why) or out_of_memory(why)):
        return OUT_OF_MEMORY
    return error.detail


def pictures(count: int) -> list[Pixels]:
    """Scenes of one megapixel, uint8, at the encoder's own size: nothing is resized or padded."""
    return [_picture(seed) for seed in range(count)]


@functools.cache
def _picture(seed: int) -> Pixels:
    return Pixels(scene(seed, SIDE, SIDE).rgb, SIDE, SIDE)


def _measure(
    model: SegmentAnything, network: Network, setting: Setting, effort: Effort, judge: Judge
) -> Figures:
    _forget(network.device)
    network = network.compiled(setting.compiling)
    batch = _filled(pictures(1), setting.batch)
    start = _timed(lambda: network.encoder.encode(batch))
    masks = judge(network.encoder, setting.batch)
    images = network.images([np.asarray(each.rgb, np.uint8) for each in batch])
    seconds = {
        NETWORK: _median(lambda: network.run(images), effort),
        UINT8: _median(lambda: network.encoder.encode(batch), effort),
    }
    if model.input.fractions:
        floats = [Pixels(each.rgb.astype(np.float32), SIDE, SIDE) for each in batch]
        seconds[FLOAT32] = _median(lambda: network.encoder.encode(floats), effort)
    return Figures(seconds, start, _memory(network.device), masks)


def _median(call: Callable[[], object], effort: Effort) -> float:
    for _ in range(effort.warmups - 1):
        call()
    return statistics.median(_timed(call) for _ in range(effort.repeats))


def _timed(call: Callable[[], object]) -> float:
    """Seconds of a call that waits for the device."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _filled(pixels: list[Pixels], batch: int) -> list[Pixels]:
    """A batch of the pictures, repeated as often as needed."""
    return list(itertools.islice(itertools.cycle(pixels), batch))


def _forget(device: torch.device) -> None:
    """Free the device's memory and reset its peak, for the next measurement."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _memory(device: torch.device) -> float | None:
    return torch.cuda.max_memory_reserved(device) / _GIB if device.type == "cuda" else None


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """True float32, on a GPU too."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
