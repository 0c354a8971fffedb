"""What `pip install .` installs: a command and a package, both called `serve_app`.

``serve_app/floors/`` in that package has what this repository has beside ``serve_app/``: the other packages,
whose names are too general for a place that they share with those of others, ``configs/`` and ``docs/``.
``serve_app.ROOT`` is that folder there, and this repository here. All else is in pyproject.toml.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
APPLICATION = "serve_app"
FLOORS = f"{APPLICATION}.floors"

_NOT_INSTALLED = ("benchmarks", "cluster", "testing", "tests", "website")
_PICTURED = ("docs.annotators", "docs.monitoring", "docs.templates")
_WITHOUT_MODULES = ("configs", "docs", *_PICTURED)
_DATA = {
    f"{APPLICATION}.haproxy": ["*.sh"],
    f"{FLOORS}.pages": ["static/**/*"],
    f"{FLOORS}.configs": ["*.yaml"],
    f"{FLOORS}.docs": ["*.md", "*.png", "*.jpg", "*.svg"],
    **{f"{FLOORS}.{folder}": ["*.png"] for folder in _PICTURED},
}


def packages() -> list[str]:
    """All that are installed, by the names under which they are."""
    found = [name for name in find_packages(str(ROOT)) if name.partition(".")[0] not in _NOT_INSTALLED]
    found += _WITHOUT_MODULES
    return [name if name.partition(".")[0] == APPLICATION else f"{FLOORS}.{name}" for name in found]


def _scratch() -> str:
    """A folder for what is built on the way: in this one, it would be found in the next build, too."""
    made = tempfile.mkdtemp(prefix="serve_app_build_")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


if __name__ == "__main__":
    scratch = _scratch()
    setup(
        packages=packages(),
        package_dir={FLOORS: "."},
        package_data=_DATA,
        options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
    )
