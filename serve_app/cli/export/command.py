"""`python -m serve_app export`: the annotations of a project as a data set."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from exports.annotations import AnnotationReader
from exports.classes import Classes
from exports.dataset import DataSet
from exports.formats.format import FormatOptions
from exports.formats.table import FORMATS, FormatName
from exports.output_folder import OutputFolder
from exports.splits import Splits
from label_studio.projects import project_of
from protocol.label_config import parse
from serve_app.cli.common_options import (
    LABEL_STUDIO,
    AsJson,
    CommandError,
    LabelStudioUrl,
    Token,
    label_studio_at,
)
from serve_app.cli.console import task_progress
from serve_app.cli.export.exporting import Exporter
from serve_app.cli.export.image_files import ImageFiles, image_options_at
from serve_app.cli.export.summary import Summary
from serve_app.cli.interruptions import noted


def export(
    project: Annotated[int, typer.Option("--project", min=1, help="Id of the project.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder for the data set: a new one, or that of an interrupted export.",
            show_default=False,
        ),
    ],
    format_name: Annotated[
        FormatName, typer.Option("--format", help="The data set's format.", case_sensitive=False)
    ] = FormatName.COCO,
    only_accepted: Annotated[
        bool,
        typer.Option(
            "--only-accepted", help="Only annotations that a reviewer accepted, or that have the star."
        ),
    ] = False,
    split: Annotated[
        str,
        typer.Option(
            "--split", help="Parts and their proportion, as in train=80,val=20; a task stays in its part."
        ),
    ] = "",
    polygons: Annotated[
        bool, typer.Option("--polygons", help="For coco: polygons instead of run-length encoding.")
    ] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Also copy the pictures into the data set.")
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance",
            min=0,
            max=100,
            help="Pixels that a traced outline may differ from the mask's border.",
        ),
    ] = 0.5,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Export the annotations of a project: masks, polygons, rectangles and ellipses alike.

    Each region is one object with its parts and holes. After an interruption, the same command continues
    where it stopped. Ends with status 1 if anything was left out, 130 after Ctrl-C.
    """
    try:
        splits = _splits(split)
        if polygons and format_name is not FormatName.COCO:
            raise CommandError("--polygons works only with --format coco")
        studio = label_studio_at(label_studio_url, token)
        image_options = image_options_at(studio.url, token)
    except CommandError as error:
        raise typer.BadParameter(str(error)) from None
    options = FormatOptions(tolerance, polygons, splits.names)
    summary = Summary(out)
    with noted(summary), studio:
        found = project_of(studio, project)
        asked = {
            "--label-studio-url": studio.url,
            "--project": project,
            "--format": format_name.value,
            "--only-accepted": only_accepted,
            "--split": list(map(list, splits.shares)),
            "--polygons": polygons,
            "--images": images,
            "--tolerance": tolerance,
            "the labeling config": hashlib.sha256(found.label_config.encode()).hexdigest(),
        }
        with OutputFolder(out, asked) as output, ImageFiles(image_options, found) as files:
            config = parse(found.label_config)
            classes = Classes.of(config)
            made = FORMATS[format_name](output, options)
            data_set = DataSet(output, made, project, splits, classes, files, copies=images)
            summary.counts = data_set.counts
            progress = task_progress(quiet=as_json)
            if output.resumed:
                progress.say(f"continuing after task {data_set.last_task}")
            reader = AnnotationReader(config, classes)
            Exporter(studio, project, reader, data_set, only_accepted=only_accepted).run(progress)
            data_set.finish()
            summary.met = classes.met
    _tell(summary, as_json)
    raise typer.Exit(summary.status)


def _splits(text: str) -> Splits:
    if not text:
        return Splits()
    try:
        return Splits.of(text)
    except ValueError as error:
        raise CommandError(f"--split {error}") from None


def _tell(summary: Summary, as_json: bool) -> None:
    if summary.stopped:
        typer.secho(f"export: {summary.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps(summary.as_json()))
        return
    for line in summary.lines():
        typer.echo(line)
