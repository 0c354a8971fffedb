"""Which file holds the weights of the model that serves."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from segmenters.checkpoints.catalogue import PUBLISHED
from segmenters.checkpoints.checkpoint import Checkpoint
from segmenters.checkpoints.digest import sha256_of
from segmenters.checkpoints.published import model_folder, official
from segmenters.options import ModelOptions
from values.errors import ModelError


def placed(name: str, options: ModelOptions) -> Checkpoint:
    """The weights that the model ``name`` is to have: those the operator names, else the publisher's.

    A SHA-256 that nobody says is measured. Raises ``values.errors.ModelError`` for a file of the
    operator's that is missing or cannot be read, and for a URL without SHA-256.
    """
    # Variables of Label Studio's example backends that name the checkpoint of one model.
    own = {"sam_vit_h": options.vith_checkpoint, "mobile_sam": options.mobilesam_checkpoint}
    given = options.checkpoint or own.get(name)
    if given is None:
        return official(name, options)
    if is_url(given):
        return _downloaded(given, name, options)
    path = in_folder(given, options)
    # The examples set their variables to the publishers' file names, in a folder of their image's own.
    if not path.exists() and path.name == PUBLISHED[name].filename:
        return official(name, options)
    return Checkpoint(path, options.checkpoint_sha256 or sha256_of(path), None, name)


def in_folder(given: str, options: ModelOptions) -> Path:
    """The path of a file that an operator names, absolute; a relative one lies in the models folder."""
    return model_folder(options) / Path(given).expanduser()


def is_url(given: str) -> bool:
    """Whether an operator names a place on the network."""
    return "://" in given


def _downloaded(url: str, name: str, options: ModelOptions) -> Checkpoint:
    sha256 = options.checkpoint_sha256
    if sha256 is None:
        raise ModelError(
            f"the checkpoint of {name} is a URL, and nothing says which file is expected there; set "
            "CHECKPOINT_SHA256 to its SHA-256"
        )
    # Two files of one name at two addresses are two files here.
    filename = f"{sha256[:8]}-{Path(urlsplit(url).path).name or 'checkpoint'}"
    return Checkpoint(model_folder(options) / filename, sha256, None if options.offline else url, name)
