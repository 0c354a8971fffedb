"""The command line: every command with the place where it is. Only the one that is typed is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from serve_app.cli.command_group import CommandGroup, Listed
from values.version import VERSION

COMMANDS: Mapping[str, Listed] = {
    "serve": Listed(
        "serve_app.cli.serve.command:serve",
        "Start Ray and the application on this machine, and stop both on Ctrl-C.",
    ),
    "connect": Listed(
        "serve_app.cli.connect.command:connect",
        "Make or take a Label Studio project and connect it to this backend.",
    ),
    "precompute": Listed(
        "serve_app.cli.precompute.command:precompute",
        "Encode the images of projects ahead, so that no annotator waits for the encoder.",
    ),
    "preannotate": Listed(
        "serve_app.cli.preannotate.command:preannotate",
        "Turn the boxes of tasks, or things in their pictures, into masks, stored as predictions.",
    ),
    "forget": Listed(
        "serve_app.cli.forget:forget",
        "Forget the embeddings of projects, of tasks or of single images, in memory and in the durable tier.",
    ),
    "export": Listed(
        "serve_app.cli.export.command:export",
        "Export the annotations of a project: masks, polygons, rectangles and ellipses alike.",
    ),
    "review": Listed(
        "serve_app.cli.review.command:review",
        "List the annotations of a project that were saved with their clicks and without a mask.",
    ),
    "search": Listed(
        "serve_app.cli.search.command:search",
        "List the tasks of a project by how much they show what words, or an example, mean.",
    ),
    "doctor": Listed(
        "serve_app.cli.doctor.command:doctor",
        "Check the YAML files, the settings, the memory, the ports, the backend that runs, and who may do "
        "what.",
    ),
    "plan": Listed(
        "serve_app.cli.plan:plan",
        "Write the Serve config for so many annotators, with what breaks first at that size and its remedy.",
    ),
    "models": Listed(
        "serve_app.cli.models:models", "The models' weights: list, download, check, export them."
    ),
}


class _Commands(CommandGroup):
    """All there are."""

    listed = COMMANDS


app = typer.Typer(name="serve_app", cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version it is.")
    ] = False,
) -> None:
    """Segment Anything for Label Studio, on Ray Serve."""
