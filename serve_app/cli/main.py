"""The command line: one command a file, mounted here."""

from __future__ import annotations

import typer

from serve_app.cli.connect import connect
from serve_app.cli.doctor import doctor
from serve_app.cli.forget import forget
from serve_app.cli.models import models
from serve_app.cli.precompute import precompute
from serve_app.cli.serve.command import serve

app = typer.Typer(
    name="serve_app",
    help="Segment Anything for Label Studio, on Ray Serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serve)
app.command()(connect)
app.command()(precompute)
app.command()(forget)
app.command()(doctor)
app.add_typer(models)
