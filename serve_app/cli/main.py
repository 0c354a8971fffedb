"""The command line: one command a file, mounted here."""

from __future__ import annotations

from typing import Annotated

import typer

from serve_app.cli.connect.command import connect
from serve_app.cli.doctor.command import doctor
from serve_app.cli.export.command import export
from serve_app.cli.forget import forget
from serve_app.cli.models import models
from serve_app.cli.precompute.command import precompute
from serve_app.cli.review.command import review
from serve_app.cli.serve.command import serve

VERSION = "0.1.0"
"""Of this application: of its images, its requests and what it says of itself."""

app = typer.Typer(
    name="serve_app",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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


app.command()(serve)
app.command()(connect)
app.command()(precompute)
app.command()(forget)
app.command()(export)
app.command()(review)
app.command()(doctor)
app.add_typer(models)
