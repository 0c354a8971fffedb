"""Encoders in torch: images per second by batch size, dtype and compile mode, with the masks' IoU.

    python -m benchmarks.encoder
    python -m benchmarks.encoder --models sam2.1_hiera_tiny --dtypes bfloat16 --batches 8 --json figures.json

It uses a GPU where there is one. All settings of all models take hours there, most of them compiling; the
files of --json and --markdown are written anew after every setting. Checkpoints come from --checkpoints;
models that have none there get stand-in weights, a pure function of their names. Time does not depend on
weights. Masks do: stand-ins turn a tiny difference of pixels into a large one of masks.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.encoder.network import Setting, device_described, opened
from benchmarks.encoder.plan import Plan, arguments, plan_of, row_units
from benchmarks.encoder.report import PUBLISHED, STAND_IN, Report
from benchmarks.encoder.speed import Reference, Row, failure, measured
from benchmarks.encoder.tables import drawn
from benchmarks.models.contenders import stands_in
from segmenters.sam.segmenter import SegmentAnything
from serve_app.cli.console import console
from values.errors import ModelError, ServiceError

# Without this, max-autotune prints lines for each of hundreds of matrix products, over the bar.
_QUIET = ("TORCHINDUCTOR_AUTOTUNE_NUM_CHOICES_DISPLAYED", "TORCHINDUCTOR_MAX_AUTOTUNE_REPORT_CHOICES_STATS")


def run(plan: Plan, shown: Console, save: Callable[[Report], None]) -> Report:
    """Measure and print; ``save`` is called after every row.

    Raises ``values.errors.ModelError`` for a device that is not there.
    """
    weights = {each.name: STAND_IN if stands_in(each) else PUBLISHED for each in plan.models}
    report = Report(machine.described(), device_described(plan.device, plan.threads), weights)
    shown.print(report.machine, report.device, sep="\n")
    with Bar(plan.units()) as bar:
        for model in plan.models:
            for row in _rows(plan, model, bar):
                report.rows.append(row)
                bar.advance(row_units(model, row.setting))
                save(report)
            shown.print(drawn(*report.page(model.name)))
        shown.print(drawn(*report.goals()))
    return report


def _rows(plan: Plan, model: SegmentAnything, bar: Bar) -> Iterator[Row]:
    """A row for every setting, also for those that fail."""
    bar.begin(f"{model.name}: the masks of float32")
    try:
        reference = Reference(model, plan.device, plan.threads, plan.scenes)
    except ModelError as error:
        yield from _failed(model, plan.settings, error)
        return
    for dtype in dict.fromkeys(setting.dtype for setting in plan.settings):
        settings = [setting for setting in plan.settings if setting.dtype is dtype]
        try:
            network = opened(model, dtype, plan.device, plan.threads)
        except ModelError as error:
            yield from _failed(model, settings, error)
            continue
        for setting in settings:
            bar.begin(f"{model.name}: {setting}")
            yield measured(model, network, setting, plan.effort, reference.agreement)
        del network  # frees the device for the next one


def _failed(model: SegmentAnything, settings: list[Setting], error: ModelError) -> Iterator[Row]:
    for setting in settings:
        yield Row(model.name, setting, None, failure(error))


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    for variable in _QUIET:
        os.environ.setdefault(variable, "0")
    try:
        with contextlib.ExitStack() as stack:
            for file in filter(None, (asked.json, asked.markdown)):
                file.touch()  # a file that cannot be written ends the run here and not after minutes
            folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            plan = plan_of(asked, folder.absolute())
            saved(asked, run(plan, console(), lambda report: saved(asked, report)))
    except ServiceError as error:
        sys.exit(error.detail)
    except OSError as error:
        sys.exit(f"cannot use {error.filename}: {error.strerror}")


def saved(asked: argparse.Namespace, report: Report) -> None:
    """Write the files that the command line names; whoever ends this run finds them whole."""
    if asked.json is not None:
        command.replaced(asked.json, json.dumps(report.values(), indent=2))
    if asked.markdown is not None:
        command.replaced(asked.markdown, report.markdown())


if __name__ == "__main__":
    main()
