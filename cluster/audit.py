"""Known vulnerabilities of what images are built from: ``python -m cluster.audit [requirements.lock ...]``.

pip-audit looks each package up in the database of its index. Exit status: 0 when all packages were found
there and none has a known vulnerability, 1 when some have one, 3 when some packages were not found. pip-audit
itself ends with status 0 when the database knows no package at all, which would look like a clean result.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

NONE, SOME, UNKNOWN = 0, 1, 3
_TIMEOUT_S = 600
_OPTIONS = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")


def verdict(report: str) -> tuple[int, list[str]]:
    """The exit status and the sentences for a report of pip-audit; "" if it did not finish."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, [
            "audit: no database of vulnerabilities can be had from here; run it where there is one"
        ]
    bad = [
        f"audit: {package['name']} {package['version']} has {vulnerability['id']}, mended in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in packages
        for vulnerability in package.get("vulns", [])
    ]
    missing = [package["name"] for package in packages if "vulns" not in package]
    if missing or not packages:
        bad.append(
            f"audit: {len(missing)} of {len(packages)} packages are not in the database that was asked, "
            f"{', '.join(missing[:5]) or 'none'} among them; run it where there is one"
        )
    if any("vulns" in package and package["vulns"] for package in packages):
        return SOME, bad
    if bad:
        return UNKNOWN, bad
    return NONE, [f"audit: none of {len(packages)} packages has a known vulnerability"]


def main(locks: Sequence[str]) -> int:
    """Audit these lock files; the exit status."""
    files = [word for lock in locks or ["requirements.lock"] for word in ("-r", lock)]
    command = [sys.executable, "-m", "pip_audit", *_OPTIONS, *files]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        report = ran.stdout
    except subprocess.TimeoutExpired:
        report = ""
    status, sentences = verdict(report)
    sys.stdout.write("\n".join([*sentences, ""]))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
