"""Which models there are, and which one serves."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from segmenters.classical.segmenter import Classical
from segmenters.options import ModelOptions
from segmenters.segmenter import Segmenter
from values.errors import ModelError

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class _Entry:
    summary: str
    make: Callable[[], Segmenter]


# One line per model; making one is cheap, weights load later and elsewhere.
_MODELS: Mapping[str, _Entry] = {
    "classical": _Entry("GrabCut on colour, no weights, any CPU, offline", Classical),
}

NAMES: tuple[str, ...] = (AUTO, *_MODELS)


@dataclass(frozen=True, slots=True)
class Choice:
    """The segmenter that serves. ``reason``: a sentence for the log and /health.

    ``fallback``: True when ``auto`` had to settle for the model that needs no weights.
    """

    segmenter: Segmenter
    reason: str
    fallback: bool


def describe() -> dict[str, str]:
    """Every name that :func:`choose` takes, with one line about it."""
    return {AUTO: "the best model this machine can serve"} | {
        name: entry.summary for name, entry in _MODELS.items()
    }


def choose(options: ModelOptions, *, gpu: bool = False) -> Choice:
    """The segmenter that the options name, or for ``auto`` the best one that this machine can serve.

    ``gpu``: whether the cluster has one, which no model here uses. Raises
    :class:`values.errors.ModelError` for a name that is not in :data:`NAMES`.
    """
    name = options.model
    wanted = name.strip().lower()
    if wanted == AUTO:
        reason = "auto chose classical: it needs no weights, and no model with weights is available"
        return Choice(_MODELS["classical"].make(), reason, fallback=True)
    entry = _MODELS.get(wanted)
    if entry is None:
        raise ModelError(_unknown(name, wanted))
    return Choice(entry.make(), f"the settings name {wanted}", fallback=False)


def _unknown(name: str, wanted: str) -> str:
    near = difflib.get_close_matches(wanted, NAMES, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"no model is called {name[:80]!r}{hint}; set the model to one of: {', '.join(NAMES)}"
