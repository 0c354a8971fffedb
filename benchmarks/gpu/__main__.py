"""What only a GPU can show, in eight minutes: encoders, a click, a device that fails, decoders.

    make gpu-check
    python -m benchmarks.gpu --out figures

Each step runs in a process of its own and ends at its time, with all that it started; whatever it has
measured until then counts. After every step --out holds all figures so far: `figures.json`, and `tables.md`
for docs/performance.md. Without a GPU, or with --short, small models go the same way in minutes. Nothing is
downloaded: checkpoints come from --checkpoints, and models that have none there get stand-in weights.

The exit status is 1 if a step failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.run import run
from benchmarks.gpu.steps import FULL, SHORT, Form, Place, steps
from benchmarks.gpu.tables import markdown
from segmenters.options import ModelOptions
from serve_app.cli.console import console
from serve_app.gpus import gpus_here


def check(form: Form, place: Place, scratch: Path, out: Path) -> bool:
    """Run every step, whose figures go to ``scratch``, and keep ``out`` up to date; whether all went well."""
    shown = console()
    until = time.monotonic()
    figures: dict[str, Any] = {"form": form.name, "device": place.device, "steps": {}}
    for step in steps(form, place):
        until += step.seconds  # what a step leaves over is for those after it
        shown.print(f"{step.name} (until {until - time.monotonic():.0f} s from now)", markup=False)
        outcome = run(step, scratch / f"{step.file}.json", until)
        figures["steps"][step.name] = outcome.values()
        saved(figures, out)
        if outcome.failure:
            shown.print(f"{step.name}: {outcome.failure}", markup=False)
            shown.print(outcome.said, markup=False, highlight=False)
    print((out / "tables.md").read_text())
    return not any(each["failure"] for each in figures["steps"].values())


def saved(figures: dict[str, Any], out: Path) -> None:
    """Write the figures and their tables."""
    (out / "figures.json").write_text(json.dumps(figures, indent=2))
    (out / "tables.md").write_text(markdown(figures))


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description="What only a GPU can show, in eight minutes.")
    parser.add_argument("--out", type=Path, default=Path(".cache/gpu"), help="folder for figures and tables")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto", help="default: a GPU")
    parser.add_argument("--short", action="store_true", help="small models; without a GPU always")
    parser.add_argument("--checkpoints", type=Path, help="folder of published checkpoints, as MODEL_DIR")
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    return parser.parse_args(given)


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    device = ("cuda" if gpus_here(os.environ) else "cpu") if asked.device == "auto" else asked.device
    form = SHORT if asked.short or device == "cpu" else FULL
    published = asked.checkpoints or Path(os.environ.get("MODEL_DIR") or ModelOptions().model_dir)
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu_") as scratch:
        folder = (asked.keep or Path(scratch, "weights")).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        place = Place(device, folder, published.expanduser().absolute())
        console().print(f"{form.name} form on {device}", markup=False)
        well = check(form, place, Path(scratch), asked.out)
    sys.exit(not well)


if __name__ == "__main__":
    main()
