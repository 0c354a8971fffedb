"""A backend that only knows the routes that commands ask, over HTTP on loopback, and keeps what it encoded.

Its masks are the boxes themselves; everything in a picture is ``things`` times the whole of it, and so is
each phrase that is found.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from protocol.bodies.annotated import AnnotatedTask, read_annotated
from protocol.bodies.phrases import read_asked
from protocol.bodies.preannotate import Things, Wanted, read_wanted
from protocol.bodies.predict import PredictBody, read_predict
from protocol.boxes import LeftOut, box_results, read_boxes, results_of_annotations
from protocol.click import Click
from protocol.everything import WholePicture, nothing_found, read_whole
from protocol.finding import Find, Vectors, found_version
from protocol.finding_tasks import read_finds
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from protocol.predictions import encode_predict, prediction
from protocol.regions import encode
from testing.canary import WATCH
from tests.serve_app.cli.loopback import Reply, serving
from values.click_answer import Region
from values.prompt import Prompt

Body = dict[str, Any]


def refusal(status: int, code: str, detail: str, **headers: str) -> Reply:
    """An error as the application answers it; header names with _ for -."""
    body = json.dumps({"error": code, "detail": detail}).encode()
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


class FakeBackend:
    """Answers as the application does. ``replies`` come first, one a request to /embed.

    ``stored`` are the (project, value) that were encoded; ``broken`` maps values to the (error, detail) of
    their failure, ``refusals`` ids of tasks to the answer they get. ``arrived`` is called with each body
    before it is answered, with nothing locked.
    ``meanings``: vectors of phrases, of which it reads 14 words; ``phrases``: of each request.
    ``credentials``: user and password of basic auth; only where they are asked for may a secret be sent.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.credentials = ""
        self.version = "fake-1"
        self.finder = "none"
        self.durable = True
        self.forgets = True
        self.reads_phrases = True
        self.meanings: dict[str, Sequence[float]] = {}
        self.phrases: list[tuple[str, ...]] = []
        self.tells_made = True
        self.most_images = 100
        self.things = 3
        self.stored: set[tuple[str, str]] = set()
        self.broken: dict[str, tuple[str, str]] = {}
        self.refusals: dict[int, Reply] = {}
        self.replies: deque[Reply] = deque()
        self.bodies: list[Body] = []
        self.targets: list[str] = []
        self.arrived: Callable[[Body], None] = lambda body: None
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """The address it answers at, the prefix included."""
        with serving(self._answer) as url:
            yield url + self.prefix

    def values(self) -> list[str]:
        """The images that it was sent, in the order they came."""
        return [value for body in self.bodies for _, value in images(body)]

    def _answer(self, method: str, target: str, headers: dict[str, str], content: bytes) -> Reply:
        expected = "Basic " + base64.b64encode(self.credentials.encode()).decode()
        if self.credentials and headers.get("Authorization") != expected:
            return refusal(401, "not_authenticated", "this backend asks for HTTP basic auth")
        if not self.credentials:
            WATCH.look(f"{target} {headers} {content.decode()}", "a request to a backend without basic auth")
        match method, urlsplit(target).path.removeprefix(self.prefix):
            case "GET", "/health":
                health = {"status": "UP", "model_version": self.version, "finder": self.finder}
                return 200, json.dumps(health).encode(), {}
            case "POST", "/embed":
                self.targets.append(target)
                return self._worked(json.loads(content), self._results)
            case "POST", "/preannotate":
                return self._worked(json.loads(content), lambda body: self._masks(body, content))
            case "POST", "/phrases" if self.reads_phrases:
                return self._meanings(content)
            case "POST", "/forget" if self.forgets:
                return self._forget(json.loads(content))
        return refusal(404, "no_such_route", f"{method} {target}: Not Found")

    def _worked(self, body: Body, results: Callable[[Body], Reply]) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.bodies.append(body)
            reply = self.replies.popleft() if self.replies else None
        try:
            self.arrived(body)
            return (
                reply or self.refusals.get(next((task["id"] for task in body["tasks"]), 0)) or results(body)
            )
        finally:
            with self._lock:
                self._now -= 1

    def _masks(self, body: Body, content: bytes) -> Reply:
        options = ReadOptions()
        answers = []
        wanted = read_wanted(content, "the body")
        for task in read_annotated(content, "the body"):
            about = read_predict(content)
            if wanted is not None:
                answers.append(self._wanted(about, task, wanted, options))
                continue
            boxed = read_boxes(about, task, box_results(task, self.version), options)
            left_out = [*boxed.left_out]
            regions: list[Region] = []
            made: list[Body] = []
            for image in boxed.images:
                if image.image.value in self.broken:
                    left_out.append(LeftOut("", *self.broken[image.image.value]))
                    continue
                click, asked, unread = image.click(draw)
                left_out += unread
                filled = [] if click is None else _filled(click)
                made += [{"region": region, "results": 1, "score": 0.9} for region in asked]
                regions += filled
            told = [{"region": each.region, "error": each.code, "detail": each.sentence} for each in left_out]
            counts = {"boxes": boxed.boxes, "masks": len(regions), "left_out": told}
            told_made = {"made": made} if self.tells_made else {}
            made_of_it = prediction(regions, 0.9, self.version)
            answers.append({"task": task.id, **counts, **made_of_it, **told_made})
        return 200, encode_predict(answers), {}

    def _wanted(
        self, about: PredictBody, task: AnnotatedTask, wanted: Wanted, options: ReadOptions
    ) -> dict[str, Any]:
        pictures: Sequence[WholePicture | Find]
        if isinstance(wanted, Things):
            drawn = results_of_annotations(task.annotations)
            vectors = Vectors(
                self.finder, np.ones((len(wanted.like), 2), np.float32), np.ones((0, 2), np.float32)
            )
            found = read_finds(about, task, drawn, wanted, draw, options, vectors)
            pictures, left_out = found.finds, [*found.left_out]
            version = found_version(self.finder, self.version)
        else:
            whole = read_whole(about, task, wanted.points_per_side, options.output_order)
            pictures, left_out, version = whole.pictures, [*whole.left_out], self.version
        regions: list[Region] = []
        for picture in pictures:
            if picture.image.value in self.broken:
                left_out.append(LeftOut("", *self.broken[picture.image.value]))
                continue
            click = self._click(picture)
            regions += [] if click is None else _filled(click)
            if isinstance(picture, WholePicture) and not self.things:
                left_out.append(nothing_found(picture))
        told = [{"region": each.region, "error": each.code, "detail": each.sentence} for each in left_out]
        counts = {"boxes": 0, "masks": len(regions), "left_out": told}
        return {"task": task.id, **counts, **prediction(regions, 0.9, version)}

    def _click(self, picture: WholePicture | Find) -> Click | None:
        """What asks for masks of the whole picture; of all that is found, unless something is annotated."""
        whole = (0.0, 0.0, 1.0, 1.0)
        if isinstance(picture, Find):
            classes = np.array(picture.classes * (self.things > 0 and not len(picture.regions)), np.intp)
            return picture.click(np.tile(whole, (len(classes), 1)), classes, (4, 3))
        click = picture.click(Prompt(box=np.array(whole)), 4, 3)
        return replace(click, prompts=click.prompts * self.things, outputs=click.outputs * self.things)

    def _meanings(self, content: bytes) -> Reply:
        phrases = read_asked(content, "the body of /phrases")
        self.phrases.append(phrases)
        if self.finder == "none":
            return refusal(400, "bad_request", "no detector reads phrases here; set FINDER")
        if long := [phrase for phrase in phrases if len(phrase.split()) > 14]:
            return refusal(422, "bad_prompt", f"the phrase {long[0]!r} has too many tokens")
        vectors = [list(self.meanings.get(phrase, (1.0, 0.0))) for phrase in phrases]
        answer = {"finder": self.finder, "phrases": phrases, "vectors": vectors}
        return 200, json.dumps(answer).encode(), {}

    def _forget(self, body: Body) -> Reply:
        self.bodies.append(body)
        if self.replies:
            return self.replies.popleft()
        found = images(body)
        if len(found) > self.most_images:
            return refusal(400, "bad_request", f"a request to /forget may have {self.most_images} images")
        known = {(body["project"], value) for _, value in found} & self.stored
        self.stored -= known
        return 200, json.dumps({"forgotten": len(known)}).encode(), {}

    def _results(self, body: Body) -> Reply:
        results = []
        for task, value in images(body):
            if not self.durable:
                return refusal(400, "bad_request", "embeddings are kept only in memory; set DURABLE")
            number = task if isinstance(task, int) else None
            if value in self.broken:
                code, detail = self.broken[value]
                results.append({"task": number, "state": "failed", "error": code, "detail": detail})
                continue
            with self._lock:
                known = (body["project"], value) in self.stored
                self.stored.add((body["project"], value))
            results.append({"task": number, "state": "stored" if known else "encoded"})
        return 200, json.dumps({"results": results}).encode(), {}


def _filled(click: Click) -> list[Region]:
    """A region for each prompt, which is its box."""
    regions = []
    for prompt, output in zip(click.prompts, click.outputs, strict=True):
        assert prompt.box is not None
        edges = (prompt.box * (click.width, click.height, click.width, click.height)).round().astype(int)
        mask = np.zeros((click.height, click.width), np.bool_)
        mask[edges[1] : edges[3], edges[0] : edges[2]] = True
        regions += encode(mask, 0.9, click, output=output)
    return regions


def images(body: Body) -> list[tuple[int | str, str]]:
    """(task, value) of each image in a body: strings under the keys that the labeling config shows."""
    return [
        (task["id"], task["data"][key])
        for task in body["tasks"]
        for key in ("image", "left", "right")
        if f"${key}" in body["label_config"] and isinstance(task["data"].get(key), str)
    ]
