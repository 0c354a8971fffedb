"""Stand-in weights of models that have no published ones: `python -m benchmarks.gpu.weights`.

Other steps find them in the same folder, where each would make its own otherwise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.encoder.network import described
from benchmarks.encoder.report import PUBLISHED, STAND_IN
from benchmarks.models.contenders import stands_in

_AT_ONCE = 4  # each needs three times the memory of its weights


def made(names: Sequence[str], folder: Path, published: Path) -> dict[str, str]:
    """PUBLISHED or STAND_IN, by model; raises ``values.errors.ModelError`` for a damaged file."""
    with ProcessPoolExecutor(min(_AT_ONCE, len(names)), get_context("spawn")) as processes:
        kinds = processes.map(partial(_kind, folder=folder, published=published), names)
        return dict(zip(names, kinds, strict=True))


def _kind(name: str, folder: Path, published: Path) -> str:
    return STAND_IN if stands_in(described(name, folder, published)) else PUBLISHED


def given(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments, with those that all steps have."""
    parser.add_argument("--keep", type=Path, required=True, help="folder of stand-in weights")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of published checkpoints")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


def collected(figures: Iterable[dict[str, Any]], file: Path | None) -> list[dict[str, Any]]:
    """All of ``figures``; ``file`` has those so far, for the time when this step's time is over."""
    found: list[dict[str, Any]] = []
    for each in figures:
        found.append(each)
        if file is not None:
            command.replaced(file, json.dumps(found, indent=2))
    return found


def main() -> None:
    """Read the arguments, make them."""
    parser = argparse.ArgumentParser(description="Stand-in weights of several models at once.")
    parser.add_argument("--models", nargs="+", required=True)
    asked = given(parser)
    command.run(lambda folder: made(asked.models, folder, asked.checkpoints), asked.json, asked.keep)


if __name__ == "__main__":
    main()
