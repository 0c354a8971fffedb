"""The packages of requirements-peer.txt in a folder of their own: the environment's pins stay as they are."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from serve_app.cli.console import console
from testing.running_app import ROOT

REQUIREMENTS = ROOT / "requirements-peer.txt"
CACHE = ROOT / ".cache" / "peer"


def packages(cache: Path = CACHE) -> Path:
    """The folder of the packages; installs them first where they are missing, which takes some seconds.

    Raises subprocess.CalledProcessError when pip cannot.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = hashlib.sha256(f"{version}\n{REQUIREMENTS.read_text()}".encode()).hexdigest()[:12]
    folder = cache / f"packages-{wanted}"
    stamp = folder / "complete.txt"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The stamp is written last, so an interrupted installation is not mistaken for a whole one.
        if not stamp.exists():
            console(stderr=True).print(f"installing {REQUIREMENTS.name} into {folder} (once; some seconds)")
            shutil.rmtree(folder, ignore_errors=True)
            pip = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
            ]
            subprocess.run([*pip, "--target", str(folder), "-r", str(REQUIREMENTS)], check=True)
            stamp.touch()
    return folder
