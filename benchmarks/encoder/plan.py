"""What the command line asks for."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.encoder.goals import GOALS
from benchmarks.encoder.network import Compiling, Dtype, Setting, described
from benchmarks.encoder.speed import Effort
from segmenters.models import ARCHITECTURES
from segmenters.options import ModelOptions
from segmenters.runtimes.session import Half
from segmenters.sam.execution import Execution
from segmenters.sam.segmenter import SegmentAnything
from values.cores import usable_cores

# Time of compiling, in images that could be encoded meanwhile.
_COMPILING_UNITS = {Compiling.NONE: 1, Compiling.DEFAULT: 20, Compiling.MAX_AUTOTUNE: 60}


@dataclass(frozen=True, slots=True)
class Plan:
    """``settings``: tried for every model. ``scenes``: their masks are compared. ``threads``: of the CPU."""

    models: list[SegmentAnything]
    device: str
    settings: list[Setting]
    effort: Effort
    scenes: int
    threads: int

    def units(self) -> float:
        """How much work it is, in the unit of the bar."""
        return sum(row_units(model, each) for model in self.models for each in self.settings)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where the command line says nothing."""

    models: tuple[str, ...]
    dtypes: tuple[Dtype, ...]
    compiling: tuple[Compiling, ...]
    batches: tuple[int, ...]
    effort: Effort
    scenes: int


# CUDA graphs are recorded at the second call and replayed from the third.
ON_GPU = Defaults((*GOALS, "mobile_sam"), tuple(Dtype), tuple(Compiling), (1, 2, 4, 8), Effort(3, 20), 4)
_SMALL = (Dtype.FLOAT32, Dtype.BFLOAT16), (Compiling.NONE,), (1, 2)
ON_CPU = Defaults(("mobile_sam", "sam2.1_hiera_tiny"), *_SMALL, Effort(1, 3), 2)
QUICK = Defaults(("mobile_sam",), *_SMALL, Effort(1, 1), 1)


def row_units(model: SegmentAnything, setting: Setting) -> float:
    """What a row takes, in the unit of the bar."""
    return model.architecture.parameters * (setting.batch + _COMPILING_UNITS[setting.compiling])


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description="Encoders in torch: speed, memory, and whether masks agree.")
    parser.add_argument("--models", nargs="+", choices=list(ARCHITECTURES), help="on CPU the small ones")
    parser.add_argument("--dtypes", nargs="+", type=Dtype, choices=list(Dtype), help="on CPU no float16")
    parser.add_argument("--compile", nargs="+", type=Compiling, choices=list(Compiling), help="on CPU none")
    parser.add_argument("--batches", nargs="+", type=_count, help="images at once")
    parser.add_argument("--repeats", type=_count, help="batches that count, of each way")
    parser.add_argument("--scenes", type=_count, help="whose masks are compared")
    parser.add_argument("--device", type=_device, default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--checkpoints", type=Path, help="folder of published checkpoints, as MODEL_DIR")
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    parser.add_argument("--quick", action="store_true", help="only whether it runs: on CPU, the least of all")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--markdown", type=Path, help="file for the tables")
    return parser.parse_args(given)


def plan_of(asked: argparse.Namespace, folder: Path) -> Plan:
    """What the command line asks for; stand-in weights go to ``folder``. Raises like ``described``."""
    device = "cpu" if asked.quick and asked.device == "auto" else _settled(asked.device)
    defaults = QUICK if asked.quick else ON_CPU if device == "cpu" else ON_GPU
    published = asked.checkpoints or Path(os.environ.get("MODEL_DIR") or ModelOptions().model_dir)
    ways = (asked.dtypes or defaults.dtypes, asked.compile or defaults.compiling)
    settings = [Setting(*each) for each in product(*ways, asked.batches or defaults.batches)]
    return Plan(
        [described(name, folder, published) for name in asked.models or defaults.models],
        device,
        list(dict.fromkeys(settings)),
        Effort(defaults.effort.warmups, asked.repeats or defaults.effort.repeats),
        asked.scenes or defaults.scenes,
        usable_cores(),
    )


def _settled(device: str) -> str:
    return Execution(encoder=device).settled(Half.ENCODER).device


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, cpu, cuda or cuda:N")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
