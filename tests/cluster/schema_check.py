"""What `make check` says of a YAML file of cluster/: its own call of check-jsonschema, in this process."""

from __future__ import annotations

import shlex
from pathlib import Path

from check_jsonschema import main  # type: ignore[import-untyped]
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = "$(BIN)/check-jsonschema "


def calls() -> dict[Path, list[str]]:
    """The options with which each file of cluster/ is checked."""
    found: dict[Path, list[str]] = {}
    for line in (ROOT / "Makefile").read_text().splitlines():
        if line.startswith(f"\t{_COMMAND}"):
            option, schema, *patterns = shlex.split(line.removeprefix(f"\t{_COMMAND}"))
            schema = str(ROOT / schema) if option == "--schemafile" else schema
            files = [path for pattern in patterns for path in ROOT.glob(pattern)]
            found |= {path: [option, schema] for path in files if path.is_relative_to(ROOT / "cluster")}
    return found


def said(file: Path, *copies: Path) -> str:
    """What is said of ``file``, or of the ``copies`` that stand for it; empty when all is well."""
    result = CliRunner().invoke(main, [*calls()[file], *map(str, copies or [file])])
    return "" if result.exit_code == 0 else result.output
