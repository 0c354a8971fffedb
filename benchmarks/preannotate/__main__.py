"""Images a second of `preannotate`, by model and by what masks are made of, through the running application.

    python -m benchmarks.preannotate
    python -m benchmarks.preannotate --models classical --images 4 --points 8 --json figures.json

The command's own client asks for four images at once. The application has one replica of each kind, and CPU
seconds are those of all its processes, Ray's among them. Words are looked for by a detector that is made to
know colours, after it has looked at the images. Weights of models that have some are stand-ins, whose masks
are ragged and rated at random: hardly one of a grid is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.click.latency import served
from benchmarks.click.warm import of
from benchmarks.models.contenders import described
from benchmarks.preannotate.pictures import Pictured, accuracy, mosaic, spots
from benchmarks.preannotate.tables import EVERYTHING, KEPT, NEW, WORDS, Row, table
from label_studio.ml_backends import Backend
from label_studio.projects import Project
from protocol.bodies.preannotate import Everything, Things, Wanted
from segmenters.model_names import CLASSICAL
from serve_app.cli.backend_client import TaskFailed
from serve_app.cli.console import console
from serve_app.cli.preannotate.preannotate_route import Masks, PreannotateRoute
from testing import processes
from testing.applications import application, serve_config
from testing.running_app import RunningApp, free_port, running_app
from testing.weights import colour_detector
from testing.weights.in_process import region_mask

MODELS = (CLASSICAL, "mobile_sam", "sam2.1_hiera_tiny")
AT_ONCE = 4
_LABEL = '<Label value="Thing"/>'
CONFIG = (
    f'<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">{_LABEL}'
    f'</RectangleLabels><BrushLabels name="mask" toName="image">{_LABEL}</BrushLabels></View>'
)


def asked(
    app: RunningApp, pictures: Sequence[Pictured], wanted: Wanted | None
) -> tuple[list[Masks], float, float]:
    """The masks of each picture, and the seconds and CPU seconds that they took. Raises RuntimeError."""
    project, stopped = Project(1, label_config=CONFIG), threading.Event()
    with PreannotateRoute(Backend(app.url), AT_ONCE, stopped, wanted) as route:

        def ask(each: Pictured) -> Masks:
            try:
                return route.masks(project, each.task, each.boxes if wanted is None else ())
            except TaskFailed as error:
                raise RuntimeError(f"no masks of picture {each.task.id}: {error.sentence}") from None

        cpu, begun = processes.cpu_s(app.process.pid), time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            masks = list(threads.map(ask, pictures))
        return masks, time.perf_counter() - begun, processes.cpu_s(app.process.pid) - cpu


def measure(
    model: str, app: RunningApp, port: int, images: int, gridded: int, points: int | None
) -> list[Row]:
    """A line for each way of making masks; everything is looked for in so many as are ``gridded``."""
    scenes = [Pictured.at(port, number, mosaic(number)) for number in range(images + 1)]
    plain = [Pictured.at(port, images + 1 + number, spots()) for number in range(images)]
    words = Things(tuple(colour_detector.COLOURS))
    rows = []

    def line(of: str, pictures: Sequence[Pictured], wanted: Wanted | None) -> None:
        made, seconds, cpu = asked(app, pictures, wanted)
        fits = [
            accuracy(each.known, [region_mask(region) for region in json.loads(bytes(found.result))])
            for each, found in zip(pictures, made, strict=True)
        ]
        iou = fmean(fits) if model == CLASSICAL else None
        rows.append(Row(model, of, len(pictures), sum(each.masks for each in made), seconds, cpu, iou))

    asked(app, scenes[:1], None)  # what only the first image of an application has to wait for
    line(NEW, scenes[1:], None)
    line(KEPT, scenes[1:], None)
    line(EVERYTHING, scenes[1 : gridded + 1], Everything(points))
    asked(app, plain, words)
    line(WORDS, plain, words)
    return rows


@contextmanager
def serving(model: str, folder: Path, port: int) -> Iterator[RunningApp]:
    """The application with a detector, which reads images from this machine's ``port``."""
    if not (folder / colour_detector.NAME).exists():
        colour_detector.write(folder)
    config = serve_config()
    made = application("preannotate", {}, prefix="/", build="testing.colour_finder:build")
    made["deployments"].append({"name": "Finder", "ray_actor_options": {"num_cpus": 0.02}})
    config["applications"] = [made]
    env = {"MODEL": CLASSICAL} if model == CLASSICAL else of(described(model, folder, None))
    env |= {"MODEL_DIR": str(folder), "FINDER": colour_detector.NAME, "DEVICE": "cpu"}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, served(port):
        yaml.safe_dump(config, file)
        with running_app(Path(file.name), {**env, "IMAGE_HOSTS": f"127.0.0.1:{port}"}, haproxy=True) as app:
            yield app


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Images a second of `preannotate`.")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--everything", type=int, default=2, help="of so many of them all that is there")
    parser.add_argument("--points", type=int, help="along each side of the grid; the setting's by default")
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()

    def measured(folder: Path) -> dict[str, Any]:
        rows: list[Row] = []
        with Bar(len(given.models)) as bar:
            for model in given.models:
                bar.begin(model)
                port = free_port()
                with serving(model, folder, port) as app:
                    rows += measure(model, app, port, given.images, given.everything, given.points)
                bar.advance(1)
        shown = console()
        shown.print(machine.described(), markup=False)
        shown.print(table(rows))
        return {"machine": machine.described(), "rows": [asdict(row) for row in rows]}

    command.run(measured, given.json, given.keep)


if __name__ == "__main__":
    main()
