"""Checkpoints: which file holds the weights of a model, where it is kept and where it comes from."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from segmenters.checkpoints.digest import sha256_of
from segmenters.models import PUBLISHED
from segmenters.options import ModelOptions
from values.errors import ModelError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One file of weights: where it is kept, what it must be, where it comes from.

    It is small and picklable, because it travels to every replica. ``path``: absolute. ``sha256``: lower case
    hex. ``url``: where the file is downloaded from when it is missing, None where it must not be; ``repr``
    leaves it out, because it may hold a token. ``label``: the model's name, for sentences.
    """

    path: Path
    sha256: str
    url: str | None = field(default=None, repr=False)
    label: str = ""


class State(StrEnum):
    """Whether the file of a checkpoint is there. Only its size tells: it may still hold something else."""

    ON_DISK = "on disk"
    MISSING = "missing"
    DAMAGED = "damaged"


def checkpoint_of(name: str, options: ModelOptions) -> Checkpoint:
    """The weights that the model ``name`` is to have: those the operator names, else the publisher's.

    Where nobody states the SHA-256 of a file, the file's own is taken. Raises ``values.errors.ModelError``
    for a file of the operator's that is missing or cannot be read, and for a URL without SHA-256.
    """
    own = own_checkpoint(name, options)
    if own is None:
        return official_checkpoint(name, options)
    if isinstance(own, Checkpoint):
        return own
    return Checkpoint(own, options.checkpoint_sha256 or sha256_of(own), None, name)


def own_checkpoint(name: str, options: ModelOptions) -> Path | Checkpoint | None:
    """What the operator names for the model ``name``: a file, or what is downloaded; None for nothing.

    Raises ``values.errors.ModelError`` for a URL without SHA-256.
    """
    # Variables of Label Studio's example backends that name the checkpoint of one model.
    own = {"sam_vit_h": options.vith_checkpoint, "mobile_sam": options.mobilesam_checkpoint}
    given = options.checkpoint or own.get(name)
    if given is None:
        return None
    if is_url(given):
        return _downloaded(given, name, options)
    path = in_folder(given, options)
    # The examples set their variables to the publishers' file names, in a folder of their image's own.
    return None if not path.exists() and path.name == PUBLISHED[name].filename else path


def in_folder(given: str, options: ModelOptions) -> Path:
    """The path of a file that an operator names, absolute; a relative one is in the models folder."""
    return model_folder(options) / Path(given).expanduser()


def is_url(given: str) -> bool:
    """Whether what an operator names is a URL and not a path."""
    return "://" in given


def official_checkpoint(model: str, options: ModelOptions) -> Checkpoint:
    """The publisher's checkpoint of ``model``, a key of PUBLISHED, from the mirror if there is one.

    Raises ``values.errors.ModelError`` for a mirror that is no URL of a folder.
    """
    published = PUBLISHED[model]
    url: str | None = published.url
    if options.checkpoint_mirror is not None:
        url = mirrored(options.checkpoint_mirror, published.filename)
    if options.offline:
        url = None
    return Checkpoint(model_folder(options) / published.filename, published.sha256, url, model)


def model_folder(options: ModelOptions) -> Path:
    """The folder of checkpoints, absolute.

    Raises ``values.errors.ModelError`` for ``~`` where nobody has a home.
    """
    try:
        return options.model_dir.expanduser().absolute()
    except RuntimeError:
        raise ModelError(
            f"there is no home directory for the model folder {options.model_dir}; set MODEL_DIR to a folder"
        ) from None


def state_of(path: Path, size: int | None) -> State:
    """The state of the file that must have ``size`` bytes, or any number where that is not known.

    What cannot be looked at counts as missing.
    """
    try:
        found = path.stat()
    except OSError:
        return State.MISSING
    whole = stat.S_ISREG(found.st_mode) and size in (None, found.st_size)
    return State.ON_DISK if whole else State.DAMAGED


def _downloaded(url: str, name: str, options: ModelOptions) -> Checkpoint:
    sha256 = options.checkpoint_sha256
    if sha256 is None:
        raise ModelError(
            f"the checkpoint of {name} is a URL, and nothing says which file is expected there; set "
            "CHECKPOINT_SHA256 to its SHA-256"
        )
    # Two addresses may have different files of one name.
    filename = f"{sha256[:8]}-{Path(urlsplit(url).path).name or 'checkpoint'}"
    return Checkpoint(model_folder(options) / filename, sha256, None if options.offline else url, name)


def mirrored(mirror: str, filename: str) -> str:
    """The URL of a file in the folder at ``mirror``; a query there, such as an access token, stays behind it.

    Raises ``values.errors.ModelError`` for anything but an http or https URL.
    """
    try:
        parts = urlsplit(mirror.strip())
        hosted = bool(parts.hostname)
    except ValueError:
        hosted = False
    if not hosted or parts.scheme not in ("http", "https"):
        raise ModelError("CHECKPOINT_MIRROR must be the http or https URL of a folder of checkpoint files")
    return parts._replace(path=f"{parts.path.rstrip('/')}/{filename}", fragment="").geturl()


def usual_mistake(start: bytes) -> str | None:
    """What a file is that begins with these 64 bytes, if it is a usual mistake for a model; else None."""
    if not start:
        return "an empty file"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS to one"
    if start.lstrip()[:1] == b"<":
        return "a web page"
    return None
