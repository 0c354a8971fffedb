"""What the benchmarks' commands have in common: a folder to work in, a file for the figures, sentences."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from values.errors import ServiceError


def run(measure: Callable[[Path], object], figures: Path | None, keep: Path | None = None) -> None:
    """Measure in the folder ``keep``, or in a temporary one; ``figures`` gets the result as JSON.

    An error that prevents the measurement ends the process with a sentence.
    """
    try:
        with contextlib.ExitStack() as stack:
            folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            if figures is not None:
                figures.touch()  # a file that cannot be written ends the run here and not after minutes
            found = measure(folder.absolute())
            if figures is not None:
                figures.write_text(json.dumps(found, indent=2))
    except ServiceError as error:
        sys.exit(error.detail)
    except OSError as error:
        sys.exit(f"cannot use {error.filename}: {error.strerror}")
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error))


def replaced(file: Path, text: str) -> None:
    """Write a file that whoever ends this run finds whole."""
    new = file.with_name(f".{file.name}")
    new.write_text(text)
    new.replace(file)
