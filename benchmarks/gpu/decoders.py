"""The decoder half on a device beside that on CPU: `python -m benchmarks.gpu.decoders`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.encoder.network import described
from benchmarks.gpu.weights import collected, given
from benchmarks.models.contenders import BASELINE, Contender
from benchmarks.models.halves import decoder_rows
from segmenters.sam.execution import Runtime

THREADS = 1  # as each click has in the application


def contenders(device: str) -> list[Contender]:
    """On CPU as the application decodes, and torch on ``device`` in each precision."""
    there = [Contender(Runtime.TORCH, bfloat16, device) for bfloat16 in (False, True)]
    return list(dict.fromkeys([BASELINE, Contender(Runtime.ONNXRUNTIME), *there]))


def measured(
    names: Sequence[str], device: str, repeats: int, folder: Path, published: Path
) -> Iterator[dict[str, Any]]:
    """A row for each model, kind of prompt and contender, with its goodness against float32 on CPU."""
    for name in names:
        model = described(name, folder, published)
        for row in decoder_rows(model, contenders(device), THREADS, repeats, lambda: None):
            yield asdict(row)


def main() -> None:
    """Read the arguments, measure."""
    parser = argparse.ArgumentParser(description="The decoder half on a device and on CPU.")
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=10, help="clicks of each kind")
    asked = given(parser)

    def rows(folder: Path) -> list[dict[str, Any]]:
        return collected(
            measured(asked.models, asked.device, asked.repeats, folder, asked.checkpoints), asked.json
        )

    command.run(rows, asked.json, asked.keep)


if __name__ == "__main__":
    main()
