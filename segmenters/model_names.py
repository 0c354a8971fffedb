"""Names of models: ours, and those of Label Studio's example backends."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import PurePath

from segmenters.models import MODELS
from segmenters.options import ModelOptions
from values.errors import ModelError

AUTO = "auto"
CLASSICAL = "classical"
ONNX = "onnx"

NAMES: tuple[str, ...] = (AUTO, *MODELS)

_SAM_CHOICE = {"SAM": "sam_vit_h", "MobileSAM": "mobile_sam", "ONNX": ONNX}
# The sizes as the names of sam2's configs end; those of 2.1 begin with "sam2.1".
_SIZES = {"t": "tiny", "s": "small", "b+": "base_plus", "l": "large"}
_SAM2_CONFIG = re.compile(r"(sam2(?:\.1)?)_hiera_(t|s|b\+|l)(?:\.yaml)?")


def wanted(options: ModelOptions) -> str:
    """The name in ``NAMES`` that the options ask for: ``model``, or the examples' variables while it is auto.

    Raises ``values.errors.ModelError`` for a name that no model has, and for variables that disagree.
    """
    name = options.model.strip().lower()
    if name != AUTO:
        return known(name)
    by_variable = {}
    if options.sam_choice is not None:
        by_variable["SAM_CHOICE"] = _SAM_CHOICE[options.sam_choice]
    if options.sam2_config is not None:
        by_variable["MODEL_CONFIG"] = _of_config(options.sam2_config)
    if len(set(by_variable.values())) > 1:
        said = " and ".join(f"{variable} means {model}" for variable, model in by_variable.items())
        raise ModelError(f"{said}; unset one of them, or set MODEL to the one that is to serve")
    return next(iter(by_variable.values()), AUTO)


def known(name: str) -> str:
    """``name`` if it is one of ``NAMES``; else raises ``values.errors.ModelError``."""
    if name in NAMES:
        return name
    raise ModelError(f"{unknown(name, NAMES)}; set the model to one of: {', '.join(NAMES)}")


def unknown(name: str, names: Iterable[str]) -> str:
    """The beginning of a sentence about a name that is none of ``names``: it suggests the nearest one."""
    near = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"no model is called {name[:80]!r}{hint}"


def _of_config(config: str) -> str:
    match = _SAM2_CONFIG.fullmatch(PurePath(config).name)
    if match is None:
        raise ModelError(
            f"MODEL_CONFIG is {config[:120]!r}, which is none of SAM 2's configs; an example: "
            "configs/sam2.1/sam2.1_hiera_l.yaml"
        )
    return f"{match[1]}_hiera_{_SIZES[match[2]]}"
