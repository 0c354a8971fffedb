"""The command `export` before a Label Studio on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from serve_app.cli.main import app
from testing.annotated import annotation
from testing.canary import CANARY
from testing.data_sets import lines
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from tests.serve_app.cli.precompute.bench import VARIABLES

Json = Any


class Desk:
    """The command, a Label Studio, and the folder ``out``."""

    def __init__(self, studio: FakeLabelStudio, url: str, out: Path) -> None:
        self.studio = studio
        self.url = url
        self.out = out

    def add(self, *regions: Json, name: str | None = None, **fields: Json) -> int:
        """A task with one annotation of these regions; its id."""
        number = len(self.studio.tasks) + 1
        return self.add_task(annotation(*regions, number=number, **fields), name=name)

    def add_task(self, *annotations: Json, name: str | None = None) -> int:
        """A task with these annotations; its id."""
        number = len(self.studio.tasks) + 1
        data = {"image": f"/data/upload/1/{name or f'{number}.jpg'}"}
        self.studio.tasks.append({"id": number, "data": data, "annotations": list(annotations)})
        return number

    def run(self, *arguments: str, project: int = 1, token: str = LEGACY) -> Result:
        options = ["--project", str(project), "--label-studio-url", self.url, "--token", token]
        command = ["export", *options, "--out", str(self.out), *arguments]
        result = CliRunner().invoke(app, command, env=dict.fromkeys(VARIABLES))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert CANARY not in result.output
        return result

    def told(self, *arguments: str) -> Json:
        """The JSON object of a run, with its exit status."""
        result = self.run("--json", *arguments)
        return json.loads(result.stdout) | {"exit": result.exit_code}

    def json(self, name: str) -> Json:
        """A file of the data set."""
        return json.loads((self.out / name).read_text(encoding="utf-8"))

    def lines(self, name: str) -> list[Json]:
        """The lines of a file of the data set."""
        return lines(self.out / name)

    def files(self) -> list[str]:
        """All files of the data set."""
        return sorted(path.relative_to(self.out).as_posix() for path in self.out.rglob("*") if path.is_file())
