"""What ``model: auto`` takes, decided within seconds, and the file that keeps the choice.

Another model voids every embedding, so the choice is made once and written down.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from segmenters.checkpoints.digest import sha256_of
from segmenters.checkpoints.fetch import unreachable
from segmenters.checkpoints.locate import Checkpoint, State, model_folder, official_checkpoint, state_of
from segmenters.models import MODELS, PUBLISHED
from segmenters.options import ModelOptions
from values.errors import ModelError

logger = logging.getLogger("ray.serve")

FILENAME = "auto.json"


def best(options: ModelOptions, *, gpu: bool) -> tuple[str | None, str]:
    """The name of a model that can be served, or None; and a clause that says why.

    The first by rank is worth a download, the others serve when they are on disk. The first counts as one
    that cannot be downloaded where its publisher does not answer in 5 s.
    """
    gpu = gpu and options.device != "cpu"
    names = _ranked(gpu)
    machine = "a machine with a GPU" if gpu else "a machine without a GPU"
    first = official_checkpoint(names[0], options)
    if _is_here(first):
        return names[0], f"the best for {machine}, and its checkpoint is in {first.path.parent}"
    why_not = _cannot_download(first)
    if why_not is None:
        return names[0], f"the best for {machine}; its checkpoint is downloaded to {first.path.parent}"
    for name in names[1:]:
        if _is_here(official_checkpoint(name, options)):
            return name, f"its checkpoint is in {first.path.parent}; of {names[0]}, {why_not}"
    return None, f"of {names[0]}, the best for {machine}, {why_not}"


def cannot_serve(name: str, options: ModelOptions) -> str | None:
    """Why a model that ``auto`` once took cannot be served, as a clause; None if it can be."""
    if name not in PUBLISHED:
        return f"no model is called {name[:80]!r}"
    checkpoint = official_checkpoint(name, options)
    return None if _is_here(checkpoint) else _cannot_download(checkpoint)


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """A choice of ``auto``. ``model``: a registry name. ``gpu``: whether it was made for a GPU.

    ``why``: a clause. ``at``: the time, as ISO 8601 in UTC.
    """

    model: str
    gpu: bool
    why: str
    at: str

    def to_json(self) -> str:
        """The JSON of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> KeptChoice | None:
        """The choice that ``to_json`` wrote; None for anything else."""
        with suppress(ValueError, TypeError):
            read = cls(**json.loads(text))
            if isinstance(read.gpu, bool) and all(
                isinstance(each, str) for each in (read.model, read.why, read.at)
            ):
                return read
        return None


class ChoiceFile:
    """The file that keeps the choice, beside the checkpoints in ``MODEL_DIR``."""

    def __init__(self, options: ModelOptions) -> None:
        """Raises ``values.errors.ModelError`` where the folder of the options cannot be named."""
        self.path: Path = model_folder(options) / FILENAME

    def read(self) -> KeptChoice | None:
        """The choice; None where there is none, or none that can be read."""
        try:
            text = self.path.read_bytes()
        except OSError:
            return None
        kept = KeptChoice.from_json(text)
        if kept is None:
            logger.warning("%s is not what was written there, so auto chooses again", self.path)
        return kept

    def write(self, kept: KeptChoice) -> None:
        """Write the choice, in place of an older one. Raises OSError where the folder cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(kept.to_json(), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> bool:
        """Delete the choice; False where there was none. Raises ``values.errors.ModelError``."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ModelError(f"{self.path} cannot be deleted: {error.strerror}") from None
        return True


def _ranked(gpu: bool) -> list[str]:
    """The models that ``auto`` may take on such a machine, the best first."""
    ranks = {name: each.rank_on_gpu if gpu else each.rank_on_cpu for name, each in MODELS.items()}
    return sorted((name for name, rank in ranks.items() if rank), key=ranks.__getitem__)


def _is_here(checkpoint: Checkpoint) -> bool:
    path, entry = checkpoint.path, PUBLISHED[checkpoint.label]
    # The size first: reading gigabytes for their hash takes seconds.
    return state_of(path, entry.size) is State.ON_DISK and sha256_of(path) == entry.sha256


def _cannot_download(checkpoint: Checkpoint) -> str | None:
    """Why the checkpoint cannot be downloaded, as the end of a sentence; None if it can be."""
    path = checkpoint.path
    if path.exists():
        return f"the checkpoint {path} is damaged: delete it"
    if checkpoint.url is None:
        return f"the checkpoint is not in {path.parent} and OFFLINE forbids to download it"
    folder = _nearest(path.parent)
    if not os.access(folder, os.W_OK):
        return f"the checkpoint is missing and {folder} cannot be written"
    needed = PUBLISHED[checkpoint.label].size or 0
    if shutil.disk_usage(folder).free < 2 * needed:  # as much again for what is exported
        return f"the checkpoint is missing and {folder} has too little room for its {needed >> 20} MiB"
    reason = unreachable(checkpoint.url)
    return f"the checkpoint cannot be downloaded ({reason})" if reason else None


def _nearest(folder: Path) -> Path:
    """The folder, or where it does not exist the nearest one above it that does."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
