"""The command line with ``serve`` alone: what the others import would delay what a start has to say."""

from __future__ import annotations

import typer

from serve_app.cli.serve.command import serve

app = typer.Typer(name="serve_app", pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def _main() -> None:
    """Segment Anything for Label Studio, on Ray Serve."""


app.command()(serve)
