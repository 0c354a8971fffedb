"""What ``model: auto`` took, written down: another model voids every embedding, so it is taken once."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from segmenters.checkpoints.published import model_folder
from segmenters.options import ModelOptions
from values.errors import ModelError

logger = logging.getLogger("ray.serve")

FILENAME = "auto.json"


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """A choice. ``model``: a registry name. ``gpu``: whether it was made for one. ``why``: a clause.

    ``at``: when, as ISO 8601 in UTC.
    """

    model: str
    gpu: bool
    why: str
    at: str

    def to_json(self) -> str:
        """As it is written down."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> KeptChoice | None:
        """What ``to_json`` wrote; None for anything else."""
        with suppress(ValueError, TypeError):
            read = cls(**json.loads(text))
            if isinstance(read.gpu, bool) and all(
                isinstance(each, str) for each in (read.model, read.why, read.at)
            ):
                return read
        return None


class ChoiceFile:
    """The choice beside the checkpoints, in ``MODEL_DIR``."""

    def __init__(self, options: ModelOptions) -> None:
        """Raises ``values.errors.ModelError`` where the folder of the options cannot be named."""
        self.path: Path = model_folder(options) / FILENAME

    def read(self) -> KeptChoice | None:
        """The choice, if there is one that can be read."""
        try:
            text = self.path.read_bytes()
        except OSError:
            return None
        kept = KeptChoice.from_json(text)
        if kept is None:
            logger.warning("%s is not what was written there, and auto chooses anew", self.path)
        return kept

    def write(self, kept: KeptChoice) -> None:
        """Replace what stands there. Raises OSError where the folder cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(kept.to_json(), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> bool:
        """Whether there was one. Raises ``values.errors.ModelError`` when it cannot be deleted."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ModelError(f"{self.path} cannot be deleted: {error.strerror}") from None
        return True
