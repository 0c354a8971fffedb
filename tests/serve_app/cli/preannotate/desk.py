"""The command `preannotate` between a backend and a Label Studio on loopback."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import Result

from testing import annotated
from testing.annotated import annotation
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.precompute.bench import Bench

Json = Any
VERSION = "fake-1"


class Desk:
    """A project of every kind of region."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.studio = bench.studio
        self.backend = bench.backend
        self.studio.projects[0]["label_config"] = annotated.LABEL_CONFIG

    def add(self, *regions: Json, **fields: Json) -> int:
        """A task with one annotation of these regions, none without; its id."""
        number = len(self.studio.tasks) + 1
        annotations = [annotation(*regions, number=number)] if regions else []
        task = {"id": number, "data": {"image": f"/data/upload/1/{number}.jpg"}, "annotations": annotations}
        self.studio.tasks.append(task | fields)
        return number

    def predict(self, task: int, version: str, *regions: Json, number: int = 1) -> None:
        """Another model's prediction, or an earlier one of this."""
        [known] = [each for each in self.studio.tasks if each["id"] == task]
        made = {"id": 1000 * task + number, "task": task, "model_version": version, "result": list(regions)}
        known.setdefault("predictions", []).append(made)

    def run(self, *arguments: str, mode: str = "--boxes") -> Result:
        """The command with a mode, of which the first argument may be the value."""
        options = ["--project", "1", "--label-studio-url", self.bench.studio_at, "--token", LEGACY, mode]
        return self.bench.command("preannotate", *options, *arguments)

    def told(self, *arguments: str, mode: str = "--boxes") -> Json:
        """The JSON object of a run, with its exit status."""
        result = self.run(*arguments, "--json", mode=mode)
        assert result.stdout, result.stderr
        return json.loads(result.stdout) | {"exit": result.exit_code}

    def stored(self, version: str = VERSION) -> dict[int, list[Json]]:
        """The predictions of a model version, by task."""
        return self.studio.predictions(version)
