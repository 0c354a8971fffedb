"""Which model needs the fewest clicks on your own annotations: each model on disk clicks on the same things.

    python -m benchmarks.dataset --images photos --masks masks
    python -m benchmarks.dataset --images photos --masks instances.json --models classical,mobile_sam
    python -m benchmarks.dataset --project 3

Masks: PNG files with the names of the images, in which every value above 0 is one thing, or one file of COCO.
A project is read as `export` reads it, with LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY.
``benchmarks.classical.clicking`` says where is clicked. MODEL_DIR, RUNTIME, DEVICE and the other settings of
the application hold; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.dataset import tables
from benchmarks.dataset.coco import CocoFile
from benchmarks.dataset.contenders import Contender, on_disk, read_contenders
from benchmarks.dataset.folders import MaskFolder
from benchmarks.dataset.measure import Measured, rows
from benchmarks.dataset.project import OUTLINES, ProjectSource
from benchmarks.dataset.things import Picture, Share, Source, Told, chosen, image_limits
from benchmarks.encoder.tables import drawn
from exports.shapes import READERS
from label_studio.projects import project_of
from segmenters.options import ModelOptions
from serve_app.cli.common_options import LABEL_STUDIO, label_studio_at
from serve_app.cli.console import console
from serve_app.cli.export.image_files import ImageFiles, image_options_at
from serve_app.settings import Settings, SettingsError
from values.cores import usable_cores
from values.errors import ServiceError


def run(
    pictures: Sequence[Picture], contenders: Sequence[Contender], options: ModelOptions, threads: int
) -> tuple[list[Measured], dict[str, str]]:
    """Measure model after model, of which one is in memory; and why models were not measured."""
    things = sum(len(picture.things) for picture in pictures)
    found: list[Measured] = []
    failed: dict[str, str] = {}
    with Bar(things * len(contenders)) as bar:
        for contender in contenders:
            bar.begin(str(contender))
            try:
                found.append(_measured(contender, pictures, options, threads, bar))
            except ServiceError as error:
                failed[str(contender)] = error.detail
    return found, failed


def _measured(
    contender: Contender, pictures: Sequence[Picture], options: ModelOptions, threads: int, bar: Bar
) -> Measured:
    segmenter = contender.segmenter(options)
    found = []
    for row in rows(segmenter, pictures, threads):
        found.append(row)
        bar.advance(1)
    return Measured(str(contender), segmenter.version, found)


def measure(asked: argparse.Namespace, folder: Path, shown: Console) -> dict[str, Any]:
    """Choose, measure and print; the same figures as plain values, for JSON."""
    try:
        options, _ = Settings().part(ModelOptions), image_limits()
    except SettingsError as error:
        raise ValueError(str(error)) from None
    contenders = asked.models or on_disk(options)
    told = Told()
    with contextlib.ExitStack() as stack:
        pictures = chosen(_source(asked, folder, stack), Share(asked.most, asked.of_each), told)
    shown.print(machine.described(), f"{asked.threads} threads for a click or an image", sep="\n")
    for line in told.lines():
        shown.print(f"left out: {line}", markup=False, soft_wrap=True)
    found, failed = run(pictures, contenders, options, asked.threads)
    for name, sentence in failed.items():
        shown.print(f"not measured: {name}: {sentence}", markup=False, soft_wrap=True)
    if not found:
        raise ValueError("no model could be measured")
    shown.print(drawn(tables.models_sheet(found), (tables.CAPTION,)))
    if len(found) > 1:
        shown.print(drawn(tables.against_sheet(found), (tables.AGAINST_CAPTION,)))
    return {
        "machine": machine.described(),
        "threads": asked.threads,
        "pictures": [picture.name for picture in pictures],
        "left_out": {"count": told.count, "sentences": told.sentences},
        "models": tables.as_json(found),
        "failed": failed,
    }


def _source(asked: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> Source:
    if asked.project is None:
        reader = CocoFile if asked.masks.is_file() else MaskFolder
        return reader(asked.images, asked.masks)
    token = os.environ.get("LABEL_STUDIO_API_KEY", "")
    studio = stack.enter_context(label_studio_at(asked.label_studio_url, token))
    project = project_of(studio, asked.project)
    files = stack.enter_context(ImageFiles(image_options_at(studio.url, token), project))
    return ProjectSource(
        studio, project, files, folder, asked.most, kinds=asked.kinds, only_accepted=asked.only_accepted
    )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description="Simulated clicks on your own annotations, model by model.")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="images, with --masks")
    parser.add_argument("--masks", type=Path, help="folder of PNG masks of the same names, or a file of COCO")
    parser.add_argument("--project", type=_count, metavar="ID", help="a project of Label Studio instead")
    url = os.environ.get("LABEL_STUDIO_URL") or LABEL_STUDIO
    parser.add_argument("--label-studio-url", default=url, metavar="URL", help=f"default: {url}")
    parser.add_argument("--only-accepted", action="store_true", help="only annotations a reviewer accepted")
    parser.add_argument(
        "--kinds", nargs="+", choices=tuple(READERS), default=OUTLINES, help=f"default: {', '.join(OUTLINES)}"
    )
    parser.add_argument(
        "--models", type=_contenders, help="such as classical,mobile_sam=ours.pt; default: all on disk"
    )
    parser.add_argument("--most", type=_count, default=200, metavar="COUNT", help="things; default: 200")
    parser.add_argument(
        "--of-each", type=_count, default=10, metavar="COUNT", help="of a picture; default: 10"
    )
    cores = usable_cores()
    parser.add_argument("--threads", type=_count, default=cores, metavar="COUNT", help=f"default: {cores}")
    parser.add_argument("--json", type=Path, help="file for the figures")
    found = parser.parse_args(given)
    if (found.project is None) == (found.images is None) or (found.images is None) != (found.masks is None):
        parser.error("give --images and --masks, or --project")
    return found


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _contenders(text: str) -> list[Contender]:
    try:
        return read_contenders(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    command.run(lambda folder: measure(asked, folder, console()), asked.json)


if __name__ == "__main__":
    main()
