"""Which model serves, as far as a client is told of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model by ``name``, with the ``version`` that each prediction and embedding of it carries.

    ``reason``: a sentence that says why this one. ``fallback``: whether it stands in for one that cannot be
    had here. ``advice``: how to annotate with it, empty where there is nothing special to it. ``finder``: the
    version of the detector beside it, empty without one.
    """

    name: str
    version: str
    reason: str
    fallback: bool = False
    advice: str = ""
    finder: str = ""
