"""The detectors' files for `models list`, `models download` and `models verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finders.catalogue import FINDERS, LICENCE, FinderModel, PublishedFile
from finders.files import checkpoint_of, fetch_file, path_of
from segmenters.checkpoints.digest import computed
from segmenters.checkpoints.locate import State, state_of
from segmenters.options import ModelOptions
from serve_app.cli.console import progress
from values.errors import ModelError


def row(name: str, folder: Path) -> dict[str, Any]:
    """What `models list` shows of the detector ``name``, whose files are below ``folder``."""
    model = FINDERS[name]
    sizes = [file.size for file in _files(model)]
    return {
        "model": name,
        "parameters": model.parameters,
        "licence": LICENCE.spdx,
        "checkpoint": f"{name}/{model.weights.filename}",
        "size": None if None in sizes else sum(size or 0 for size in sizes),
        "state": state(name, folder),
    }


def state(name: str, folder: Path) -> State:
    """Whether all files of a detector are there."""
    model, options = FINDERS[name], ModelOptions(model_dir=folder)
    states = {state_of(path_of(model, file, options), file.size) for file in _files(model)}
    return next((each for each in (State.DAMAGED, State.MISSING) if each in states), State.ON_DISK)


def download(name: str, options: ModelOptions) -> str:
    """A line about the files of a detector, which are there. Raises ModelError."""
    model = FINDERS[name]
    there = state(name, options.model_dir) is State.ON_DISK
    paths = []
    for file in _files(model):
        with progress(name) as told:
            paths.append(fetch_file(model, file, options, told))
    published = "as published" if model.weights.sha256 else "which no one states, as at the first download"
    became = "already there" if there else "downloaded"
    return f"{name}: {became}, SHA-256 {published}: {', '.join(map(str, paths))}"


def verified(name: str, folder: Path) -> dict[str, Any]:
    """What `models verify` says of a detector whose files are what they must be. Raises ModelError."""
    model, options = FINDERS[name], ModelOptions(model_dir=folder, offline=True)
    for file in _files(model):
        path = path_of(model, file, options)
        expected = checkpoint_of(model, file, options)
        if expected is None or state_of(path, None) is State.MISSING:
            raise ModelError(f"there is no {path}; run `python -m serve_app models download {name}`")
        with progress(name) as told:
            sha256 = computed(path, told)
        if sha256 != expected.sha256:
            raise ModelError(
                f"{path} has the SHA-256 {sha256}, expected {expected.sha256}; delete it, then run "
                f"`python -m serve_app models download {name}`"
            )
    what = "the publisher's files" if model.weights.sha256 else "the files of the first download"
    return {"model": name, "ok": True, "sentence": f"{options.model_dir / name} has {what}"}


def _files(model: FinderModel) -> tuple[PublishedFile, PublishedFile]:
    return model.weights, model.merges
