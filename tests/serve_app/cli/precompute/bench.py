"""The commands `precompute`, `preannotate` and `forget` between a backend and a Label Studio on loopback."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from serve_app.cli.main import app
from testing.canary import CANARY
from tests.serve_app.cli.fake_backend import FakeBackend
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio

CONFIG = '<View><Image name="i" value="$image"/></View>'
VARIABLES = (
    *("LABEL_STUDIO_URL", "LABEL_STUDIO_HOST", "LABEL_STUDIO_API_KEY", "LABEL_STUDIO_ACCESS_TOKEN"),
    *("BASIC_AUTH_USER", "BASIC_AUTH_PASS"),
    *("LOCAL_FILES_DOCUMENT_ROOT", "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"),
)


class Bench:
    """The command between a backend and a Label Studio, all real but for what the two know."""

    def __init__(self, backend: FakeBackend, studio: FakeLabelStudio, at: str, studio_at: str) -> None:
        self.backend = backend
        self.studio = studio
        self.at = at
        self.studio_at = studio_at

    def run(self, *arguments: str, project: int = 1, stdin: str | None = None) -> Result:
        options = ["--project", str(project), "--label-studio-url", self.studio_at, "--token", LEGACY]
        return self.command("precompute", *options, *arguments, stdin=stdin)

    def forget(self, *arguments: str) -> Result:
        return self.command("forget", "--label-studio-url", self.studio_at, "--token", LEGACY, *arguments)

    def command(self, name: str, *arguments: str, stdin: str | None = None) -> Result:
        clean = dict.fromkeys(VARIABLES)
        result = CliRunner().invoke(app, [name, "--backend", self.at, *arguments], env=clean, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert CANARY not in result.output
        return result

    def told(self, *arguments: str, **options: Any) -> Any:
        """The JSON object of a run, with its exit status."""
        result = self.run("--json", *arguments, **options)
        return json.loads(result.stdout) | {"exit": result.exit_code}

    def add_tasks(self, count: int, project: int = 1) -> None:
        start = self.studio.tasks[-1]["id"] + 1 if self.studio.tasks else 1
        self.studio.tasks += [
            {"id": number, "data": {"image": f"/data/upload/{number}.png"}, "project": project}
            for number in range(start, start + count)
        ]
