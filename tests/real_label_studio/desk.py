"""A project of the real Label Studio, and the command `preannotate` between it and an application."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from serve_app.cli.main import app as command_line
from testing.canary import WATCH
from tests.real_label_studio.server import LabelStudioServer

Json = Any


@dataclass(frozen=True)
class Desk:
    """``backend``: where the application answers."""

    studio: LabelStudioServer
    backend: str
    project: int

    def command(self, *arguments: str) -> list[str]:
        """`preannotate` with these arguments, for this project."""
        command = ["preannotate", "--project", str(self.project), *arguments]
        return [*command, "--label-studio-url", self.studio.url, "--backend", self.backend]

    def run(self, *arguments: str, token: str | None = None) -> Result:
        """What an operator runs. No output of it may have a secret in it."""
        env = {"LABEL_STUDIO_API_KEY": token or self.studio.api.personal_access_token()}
        done = CliRunner().invoke(command_line, self.command(*arguments), env=env)
        WATCH.look(done.stdout + done.stderr, "what preannotate printed")
        return done

    def told(self, *arguments: str) -> Json:
        """The JSON object of a run, with its exit status."""
        done = self.run("--json", *arguments)
        assert done.stderr == ""
        return json.loads(done.stdout) | {"exit": done.exit_code}

    def predictions(self, task: int, version: str | None = None) -> list[Json]:
        """Those of a task, or of a model version among them."""
        found = self.studio.api.call("GET", "/api/predictions/", params={"task": task})
        return [each for each in found if version in (None, each["model_version"])]

    def annotations(self, tasks: Iterable[int]) -> list[Json]:
        """What people made, without how long ago that was."""
        return [
            each | {"created_ago": None}
            for task in sorted(tasks)
            for each in self.studio.api.call("GET", f"/api/tasks/{task}/annotations/")
        ]

    def retrieve(self, tasks: Iterable[int]) -> None:
        """What *Retrieve Predictions* does in the Data Manager, with these tasks chosen."""
        chosen = {"selectedItems": {"all": False, "included": list(tasks)}, "project": self.project}
        query = {"id": "retrieve_tasks_predictions", "project": self.project}
        self.studio.api.call("POST", "/api/dm/actions", params=query, json=chosen)

    def retrieved(self) -> list[str]:
        """What /diagnose says of that, the newest first."""
        query = {"project": self.project}
        report = httpx.get(f"{self.backend}/diagnose", params=query, trust_env=False, timeout=30).json()
        return [each["said"] for each in report["retrieved_predictions"].get(str(self.project), [])]
