"""The published checkpoint of a model, as the operator's options place it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from segmenters.checkpoints.catalogue import PUBLISHED
from segmenters.checkpoints.checkpoint import Checkpoint
from segmenters.options import ModelOptions
from values.errors import ModelError


def official(model: str, options: ModelOptions) -> Checkpoint:
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
