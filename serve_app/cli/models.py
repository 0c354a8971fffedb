"""`python -m serve_app models`: the weights on this machine, listed, downloaded, checked, exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich import box
from rich.table import Table

from finders.catalogue import FINDERS, LICENCE
from segmenters.auto_model import ChoiceFile
from segmenters.checkpoints.digest import computed
from segmenters.checkpoints.fetch import fetch
from segmenters.checkpoints.locate import State, checkpoint_of, model_folder, official_checkpoint, state_of
from segmenters.checkpoints.progress import MIB
from segmenters.model import LICENCES
from segmenters.model_names import unknown
from segmenters.models import ARCHITECTURES, MODELS, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.runtimes.exported_graphs import exported
from segmenters.runtimes.session import Half
from serve_app.cli import finder_files
from serve_app.cli.console import console, progress
from values.errors import ModelError

_COLORS = {State.ON_DISK: "green", State.MISSING: "yellow", State.DAMAGED: "red"}

models = typer.Typer(
    name="models", help="The models' weights: list, download, check, export them.", no_args_is_help=True
)

ModelDir = Annotated[Path, typer.Option("--model-dir", envvar="MODEL_DIR", help="Folder of the checkpoints.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]
Default = ModelOptions.model_fields["model_dir"].default


def _that_begin(incomplete: str) -> list[str]:
    """The models with weights whose names begin so, for shells that complete them."""
    return [name for name in (*PUBLISHED, *FINDERS) if name.startswith(incomplete)]


@models.command("list")
def list_models(model_dir: ModelDir = Default, as_json: AsJson = False) -> None:
    """Show every model, its licence and whether its checkpoint is on this machine."""
    folder = _folder(model_dir)
    rows = [_row(name, folder) for name in PUBLISHED]
    rows += [finder_files.row(name, folder) for name in FINDERS]
    weightless = [name for name, model in MODELS.items() if model.weightless]
    if as_json:
        rows += map(_without_weights, weightless)
        typer.echo(json.dumps({"model_dir": str(folder), "models": rows}))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("model", "parameters", "licence", "checkpoint", "size", "state"):
        table.add_column(heading, justify="right" if heading in ("parameters", "size") else "left")
    for row in rows:
        state = State(row["state"])
        table.add_row(
            row["model"],
            f"{row['parameters']:.1f} M",
            row["licence"],
            row["checkpoint"],
            "" if row["size"] is None else f"{row['size'] / MIB:.1f} MiB",
            f"[{_COLORS[state]}]{state}",
        )
    for name in weightless:
        table.add_row(name, "none", "", "none needed", "", "[green]always there")
    output = console()
    output.print(table)
    output.print(f"checkpoints are in {folder}", soft_wrap=True, markup=False)
    for family, licence in LICENCES.items():
        line = f"{family}: {licence.spdx}, {licence.holder}, {licence.url}"
        output.print(line, soft_wrap=True, markup=False)
    line = f"owlv2, which finds things: {LICENCE.spdx}, {LICENCE.holder}, {LICENCE.url}"
    output.print(line, soft_wrap=True, markup=False)


@models.command()
def download(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Models, as `models list` names them.", autocompletion=_that_begin
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Download every model that makes masks.")] = False,
    model_dir: ModelDir = Default,
    mirror: Annotated[
        str | None,
        typer.Option(
            envvar="CHECKPOINT_MIRROR", help="URL of a folder with the files, in place of the publishers."
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", envvar="OFFLINE", help="Download nothing.")] = False,
) -> None:
    """Download checkpoints and check their SHA-256; an interrupted download goes on where it was.

    Ends with status 1 if any of them failed.
    """
    wanted = list(PUBLISHED) if every else names
    if not wanted:
        raise typer.BadParameter("name a model, or give --all")
    if offline:
        _complain("nothing is downloaded while OFFLINE or --offline is set; unset it, or put the files there")
        raise typer.Exit(1)
    options = ModelOptions(model_dir=model_dir, checkpoint_mirror=mirror)
    _for_each(wanted, lambda name: _download(name, options))


@models.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Models; default: all that are on disk.", autocompletion=_that_begin
        ),
    ] = None,
    model_dir: ModelDir = Default,
    as_json: AsJson = False,
) -> None:
    """Read checkpoints from the disk again and compare their SHA-256.

    Ends with status 1 if any of them is damaged, or is missing although it was named.
    """
    folder = _folder(model_dir)
    wanted = names or [name for name in (*PUBLISHED, *FINDERS) if _state(name, folder) is not State.MISSING]
    found = []
    for name in dict.fromkeys(wanted):
        try:
            found.append(_verified(name, folder))
        except ModelError as error:
            found.append({"model": name, "ok": False, "sentence": error.detail})
    healthy = all(each["ok"] for each in found)
    if as_json:
        typer.echo(json.dumps({"ok": healthy, "model_dir": str(folder), "models": found}))
    elif not found:
        typer.echo(f"there is no checkpoint in {folder}")
    else:
        for each in found:
            state = typer.style("ok     ", fg="green") if each["ok"] else typer.style("problem", fg="red")
            typer.echo(f"{state}  {each['model']}: {each['sentence']}")
    raise typer.Exit(not healthy)


@models.command()
def export(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME", help="Models, as `models list` names them.", autocompletion=_that_begin
        ),
    ],
    model_dir: ModelDir = Default,
    checkpoint: Annotated[
        str | None,
        typer.Option(envvar="CHECKPOINT", help="Your own weights for the one model that is named."),
    ] = None,
) -> None:
    """Export both halves of models to ONNX, so that no start of the application has to.

    Ends with status 1 if any of them failed.
    """
    if checkpoint is not None and len(names) > 1:
        raise typer.BadParameter("--checkpoint is the weights of one model; name only that model")
    options = ModelOptions(model_dir=model_dir, checkpoint=checkpoint, offline=True)
    _for_each(names, lambda name: _export(name, options))


@models.command()
def forget(model_dir: ModelDir = Default) -> None:
    """Let MODEL=auto choose again at the next start, instead of keeping its choice.

    Embeddings of another model than the old one are made anew. A Ray cluster of several nodes remembers its
    choice for as long as it runs: name a model there.
    """
    try:
        forgotten = ChoiceFile(ModelOptions(model_dir=model_dir)).forget()
    except ModelError as error:
        _complain(error.detail)
        raise typer.Exit(1) from None
    typer.echo("auto chooses again at the next start" if forgotten else "auto has chosen nothing yet")


def _for_each(names: list[str], work: Callable[[str], None]) -> NoReturn:
    """Do the work for each model, once; ends with status 1 if any of them failed."""
    failed = False
    for name in dict.fromkeys(names):
        try:
            work(name)
        except ModelError as error:
            failed = True
            _complain(error.detail)
    raise typer.Exit(failed)


def _row(name: str, folder: Path) -> dict[str, Any]:
    architecture, published = ARCHITECTURES[name], PUBLISHED[name]
    return {
        "model": name,
        "parameters": architecture.parameters,
        "licence": LICENCES[architecture.family].spdx,
        "checkpoint": published.filename,
        "size": published.size,
        "state": _state(name, folder),
    }


def _without_weights(name: str) -> dict[str, Any]:
    return {
        "model": name,
        "parameters": 0,
        "licence": None,
        "checkpoint": None,
        "size": 0,
        "state": State.ON_DISK,
    }


def _state(name: str, folder: Path) -> State:
    if name in FINDERS:
        return finder_files.state(name, folder)
    return state_of(folder / PUBLISHED[name].filename, PUBLISHED[name].size)


def _folder(model_dir: Path) -> Path:
    try:
        return model_folder(ModelOptions(model_dir=model_dir))
    except ModelError as error:
        _complain(error.detail)
        raise typer.Exit(1) from None


def _known(name: str) -> str:
    """The name of a model with weights. Raises ModelError with the nearest one."""
    if name in PUBLISHED:
        return name
    if name in MODELS and MODELS[name].weightless:
        raise ModelError(f"{name} needs no weights: it is always there")
    if name in FINDERS:
        raise ModelError(f"{name} is a detector, of which nothing is exported")
    raise ModelError(f"{unknown(name, [*PUBLISHED, *FINDERS])}; see `python -m serve_app models list`")


def _download(name: str, options: ModelOptions) -> None:
    if name in FINDERS:
        typer.echo(finder_files.download(name, options))
        return
    checkpoint = official_checkpoint(_known(name), options)
    there = state_of(checkpoint.path, PUBLISHED[name].size) is not State.MISSING
    with progress(name) as told:
        path = fetch(checkpoint, told)
    typer.echo(f"{name}: {'already there' if there else 'downloaded'}, SHA-256 as published: {path}")


def _verified(name: str, folder: Path) -> dict[str, Any]:
    if name in FINDERS:
        return finder_files.verified(name, folder)
    published = PUBLISHED[_known(name)]
    path = folder / published.filename
    if _state(name, folder) is State.MISSING:
        raise ModelError(f"there is no {path}; run `python -m serve_app models download {name}`")
    with progress(name) as told:
        sha256 = computed(path, told)
    if sha256 != published.sha256:
        raise ModelError(
            f"{path} has the SHA-256 {sha256}, expected {published.sha256}; delete it, then run "
            f"`python -m serve_app models download {name}`"
        )
    return {"model": name, "ok": True, "sentence": f"{path} is the publisher's file"}


def _export(name: str, options: ModelOptions) -> None:
    weights = checkpoint_of(_known(name), options)
    with progress(name):
        path = fetch(weights)
        for half in Half:
            graph = exported(ARCHITECTURES[name], half, path, weights.sha256, model_folder(options))
            typer.echo(f"{name}: {half} {graph}")


def _complain(sentence: str) -> None:
    typer.secho(sentence, fg="red", err=True)
