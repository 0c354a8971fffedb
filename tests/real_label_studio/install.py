"""Label Studio in a virtual environment of its own: its pins and ours would not agree in one."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "1.23.2"
REQUIREMENT = f"label-studio=={VERSION}"
CACHE = Path(__file__).parents[2] / ".cache" / "label-studio"

_QUIET = {
    "COLLECT_ANALYTICS": "0",
    "LATEST_VERSION_CHECK": "0",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "SENTRY_RATE": "0",
    "FEATURE_FLAGS_OFFLINE": "1",
}


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Environment of a Label Studio that calls nobody and sees no setting of the caller's shell."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "TMPDIR") if key in os.environ}
    return {**kept, **_QUIET, "HOME": str(home), "PYTHONWARNINGS": "ignore", **settings}


def executable() -> Path:
    """Path of ``label-studio``; installs it first if it is missing, which takes a minute or two."""
    venv = CACHE / f"venv-{VERSION}"
    stamp = venv / "requirement.txt"
    program = venv / "bin" / "label-studio"
    wanted = f"{REQUIREMENT} on Python {sys.version_info.major}.{sys.version_info.minor}\n"
    with _lock("install"):
        # The stamp is written last, so an interrupted installation is not mistaken for a whole one.
        if not stamp.exists() or stamp.read_text() != wanted or not program.exists():
            _say(f"installing {REQUIREMENT} into {venv} (once; a minute or two)")
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, REQUIREMENT], check=True)
            stamp.write_text(wanted)
    return program


def migrated_database() -> Path:
    """Path of an empty sqlite database with all migrations applied; made once, copied for each server."""
    program = executable()
    database = CACHE / f"empty-{VERSION}.sqlite3"
    with _lock("database"):
        if not database.exists():
            _say("preparing Label Studio's empty database (once; half a minute)")
            with tempfile.TemporaryDirectory(prefix="label-studio-") as folder:
                subprocess.run(
                    [str(program), "version", "--data-dir", folder],
                    env=environment(Path(folder)),
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                partial = database.with_suffix(".partial")
                shutil.copyfile(Path(folder) / "label_studio.sqlite3", partial)
                partial.rename(database)
    return database


@contextmanager
def _lock(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(sentence: str) -> None:
    # To the terminal itself: pytest captures stdout, and a silent minute looks like a hang.
    print(sentence, file=sys.__stderr__, flush=True)
