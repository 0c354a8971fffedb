"""`python -m serve_app plan`: the config for so many annotators, and what breaks first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmenters.model_names import unknown
from segmenters.models import MODELS as KNOWN
from serve_app.capacity import costs
from serve_app.capacity.archive import Archive
from serve_app.capacity.costs import MODELS, Card
from serve_app.capacity.plan import CELL, Plan
from serve_app.capacity.plan import plan as planned
from serve_app.capacity.router import router as router_config
from serve_app.capacity.serve_config import args, serve_config
from serve_app.settings import AllOptions
from values.errors import ServiceError

MOST = 100_000
"""Annotators. Nobody knows of so many."""


def _that_begin(incomplete: str) -> list[str]:
    """The models that can be planned with whose names begin so, for shells that complete them."""
    return [name for name in MODELS if name.startswith(incomplete)]


def plan(
    annotators: Annotated[
        int, typer.Option(min=1, max=MOST, help="How many work at once, at most.", show_default=False)
    ],
    gpu: Annotated[Card, typer.Option(help="The kind of GPU that encodes; `none`: CPUs do.")] = Card.NONE,
    gpus: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="How many GPUs there are; default: as many as needed."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The model; default: `sam2.1_hiera_large` with a GPU, `mobile_sam` without.",
            autocompletion=_that_begin,
        ),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(
            min=1, max=10**12, help="Images whose embeddings the durable tier keeps; says what that costs."
        ),
    ] = None,
    cell: Annotated[
        int, typer.Option(min=1, help="For more than 1,000 annotators: the cell whose config is written.")
    ] = 1,
    router: Annotated[
        bool, typer.Option("--router", help="Write HAProxy's config of the router in front of the cells.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="The file to write, which is replaced; default: to stdout.")
    ] = None,
) -> None:
    """Write the Serve config for so many annotators, with what breaks first at that size and its remedy.

    Nothing is started or asked; it only calculates.
    """
    try:
        text = _written(annotators, gpu, gpus, model, images, cell, router=router)
        if output is None:
            typer.echo(text, nl=False)
        else:
            _save(text, output)
    except ServiceError as error:
        typer.secho(f"{error.detail[0].upper()}{error.detail[1:]}.", fg="red", err=True)
        raise typer.Exit(1) from None


def _written(
    annotators: int,
    gpu: Card,
    gpus: int | None,
    model: str | None,
    images: int | None,
    cell: int,
    *,
    router: bool,
) -> str:
    name = costs.default_model(gpu) if model is None else model.strip().lower()
    if name not in MODELS:
        said = f"there is no figure to plan with for {name}" if name in KNOWN else unknown(name, MODELS)
        raise ServiceError(f"{said}; --model may be one of: {', '.join(MODELS)}")
    found = planned(annotators, name, gpu, gpus)
    if cell > found.cells:
        raise ServiceError(f"there is no cell {cell}: {annotators} annotators are in {_cells(found)}")
    if router and found.cells == 1:
        raise ServiceError(
            f"{annotators} annotators are in one cell, which needs no router; from {CELL + 1} on there are"
            " several"
        )
    if router:
        return router_config(found)
    archive = None if images is None else Archive(images, KNOWN[name].embedding_mib)
    settings = AllOptions.model_construct(**args(found, archive))
    return serve_config(found, settings, cell, archive)


def _save(text: str, path: Path) -> None:
    """Raises ServiceError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "it cannot be written"
        raise ServiceError(f"cannot write {path}: {reason}. Name another file by --output") from None


def _cells(plan: Plan) -> str:
    return "one cell" if plan.cells == 1 else f"{plan.cells} cells of {plan.annotators}"
