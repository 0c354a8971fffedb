"""The application: its graph, its settings, and what a person types."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_INSTALLED = _HERE / "floors"

ROOT = _INSTALLED if _INSTALLED.is_dir() else _HERE.parent
"""The folder of the other packages, of ``configs/`` and ``docs/``: this repository, or where setup.py puts
them, away from those of others. Their names are general, and Label Studio itself is a ``label_studio``."""

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
