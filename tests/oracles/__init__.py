"""The official packages of SAM and SAM 2, as oracles.

Importing this makes them importable, and no other module should import them: they are in a folder of their
own (requirements-oracles.txt says why).
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from tests.oracles import torchvision_shim

_FOLDER = Path(sys.prefix) / "oracles"

# At the end: what the environment itself holds is not replaced.
sys.path.append(str(_FOLDER))
if find_spec("segment_anything") is None:
    raise ModuleNotFoundError(
        f"the official packages that the networks are compared with are not in {_FOLDER}: `make test` "
        "installs them there, from requirements-oracles.txt"
    )
# Before anything else can find torchvision: transformers looks for it too.
torchvision_shim.load()
