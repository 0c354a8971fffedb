"""A Label Studio of one page: the few routes that commands call, in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from label_studio.client import LabelStudio
from net.sync_client import SyncClient
from serve_app.cli.common_options import label_studio_at
from testing.canary import CANARY
from tests.serve_app.cli.loopback import Reply, serving

Json = Any
VERSIONS = "predictions_model_versions"
URL = "http://studio.example/prefix"
LEGACY = CANARY

# A labeling config that `connect` did not write, and that asks no backend.
OWN = (
    '<View><Image name="i" value="$image"/>'
    '<RectangleLabels name="r" toName="i" smart="false"><Label value="Eye"/></RectangleLabels></View>'
)


class FakeLabelStudio(httpx.BaseTransport):
    """Answers as Label Studio 1.23.2 does. ``refuse`` maps "METHOD /path" to an error answer."""

    def __init__(self) -> None:
        self.projects: list[Json] = []
        self.backends: list[Json] = []
        self.webhooks: list[Json] = []
        self.tasks: list[Json] = []
        self.changes: list[str] = []
        self.refuse: dict[str, httpx.Response] = {}
        self.refused: list[str] = []
        self.windows: list[dict[str, str]] = []
        self.opened: list[int] = []
        self.files: dict[str, bytes] = {}
        self.listing: Callable[[], None] = lambda: None
        self.storing: Callable[[Json], None] = lambda body: None
        self.stored: Callable[[Json], None] = lambda stored: None
        self._storing = threading.Lock()
        self._newest = 0

    @contextmanager
    def serve(self) -> Iterator[str]:
        """The same over HTTP on loopback; the address."""

        def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
            request = httpx.Request(method, f"http://studio.example{target}", headers=headers, content=body)
            answered = self.handle_request(request)
            return answered.status_code, answered.content, {}

        with serving(answer) as url:
            yield f"{url}/prefix"

    def studio(self, token: str = LEGACY) -> LabelStudio:
        return label_studio_at(f"{URL}/", token, SyncClient(URL, 60.0, transport=self))

    def add_project(self, title: str, config: str, annotations: int = 0) -> int:
        number = len(self.projects) + 1
        row = {"id": number, "title": title, "label_config": config, "total_annotations_number": annotations}
        self.projects.append(row)
        return number

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        path = request.url.path.removeprefix("/prefix")
        if request.headers.get("Authorization") != f"Token {LEGACY}":
            return httpx.Response(401, json={"detail": "Invalid token."})
        if refusal := self.refuse.get(f"{request.method} {path}"):
            self.refused.append(f"{request.method} {path}")
            return refusal
        if request.method != "GET":
            self.changes.append(f"{request.method} {path}")
        return self._answer(request, path)

    def _answer(self, request: httpx.Request, path: str) -> httpx.Response:
        match request.method, path.strip("/").split("/"):
            case "GET", ["api", "projects"]:
                part = request.url.params["title"].lower()
                listed = [row for row in self.projects if part in row["title"].lower()]
                return httpx.Response(200, json={"count": len(listed), "results": listed})
            case "POST", ["api", "projects"]:
                body = json.loads(request.content)
                number = self.add_project(body["title"], body["label_config"])
                return httpx.Response(201, json=self.projects[number - 1])
            case method, ["api", "projects", number]:
                if int(number) > len(self.projects):
                    return httpx.Response(404, json={"detail": "Not found."})
                if method == "PATCH":
                    self.projects[int(number) - 1].update(json.loads(request.content))
                return httpx.Response(200, json=self.projects[int(number) - 1])
            case "GET", ["api", "tasks", number]:
                known = [task for task in self.tasks if task["id"] == int(number)]
                shown = [{"project": 1, **task, "annotations": []} for task in known]
                return httpx.Response(*((200,) if shown else (404,)), json=shown[0] if shown else {})
            case "GET", ["api", "tasks", number, "annotations"]:
                known = [task for task in self.tasks if task["id"] == int(number)]
                if not known:
                    return httpx.Response(404, json={"detail": "Not found."})
                self.opened.append(int(number))
                return httpx.Response(200, json=known[0].get("annotations", []))
            case "GET", ["api", "tasks"]:
                return self._window(dict(request.url.params))
            case "POST", ["api", "projects", _, "import"]:
                return httpx.Response(201, json={"task_count": request.content.count(b"filename=")})
            case method, ["api", "predictions", *rest]:
                return self._prediction(method, rest, request)
            case method, ["api", "ml", *_]:
                return self._backend(method, request)
            case "DELETE", ["api", "webhooks", number]:
                self.webhooks = [hook for hook in self.webhooks if hook.get("id") != int(number)]
                return httpx.Response(204)
            case method, ["api", "webhooks"]:
                if method == "POST":
                    self.webhooks.append(json.loads(request.content))
                return httpx.Response(200, json=self.webhooks)
            case "GET", ["data", *_] if path in self.files:
                return httpx.Response(200, content=self.files[path])
        return httpx.Response(404, text="<html>no such page</html>")

    def _prediction(self, method: str, rest: list[str], request: httpx.Request) -> httpx.Response:
        """Those of one task, one more, or one less; ``storing`` is called before one is stored, and after."""
        if method == "GET":
            asked = request.url.params["task"]
            kept = [each for task in self.tasks for each in task.get("predictions", [])]
            return httpx.Response(200, json=[each for each in kept if str(each["task"]) == asked])
        if method == "DELETE":
            for task in self.tasks:
                kept = task.get("predictions", [])
                left = [each for each in kept if each["id"] != int(rest[0])]
                if len(left) < len(kept):
                    task["predictions"] = left
                    return httpx.Response(204)
            return httpx.Response(404, json={"detail": "Not found."})
        body = json.loads(request.content)
        known = [task for task in self.tasks if task["id"] == body["task"]]
        if not known:
            detail = f'Invalid pk "{body["task"]}" - object does not exist.'
            return httpx.Response(400, json={"validation_errors": {"task": [detail]}})
        with self._storing:
            self.storing(body)
            self._newest += 1
            stored = {"id": self._newest, **body}
            known[0].setdefault("predictions", []).append(stored)
            self.stored(stored)
        return httpx.Response(201, json=stored)

    def predictions(self, version: str) -> dict[int, list[Json]]:
        """What is stored of a model version, by task."""
        found = {
            int(task["id"]): [
                each for each in task.get("predictions", []) if each["model_version"] == version
            ]
            for task in self.tasks
        }
        return {task: kept for task, kept in found.items() if kept}

    def _backend(self, method: str, request: httpx.Request) -> httpx.Response:
        if method == "GET":
            return httpx.Response(200, json=self.backends)
        if method == "DELETE":
            number = int(request.url.path.rpartition("/")[2])
            self.backends = [row for row in self.backends if row["id"] != number]
            return httpx.Response(204)
        body = json.loads(request.content)
        if method == "POST":
            self.backends.append({"id": 1, "state": "CO", "basic_auth_user": ""})
            self.webhooks.append({"url": f"{body['url']}/webhook"})
        row = self.backends[0]
        row.update(body, state="CO", basic_auth_pass_is_set=bool(body.get("basic_auth_pass")))
        return httpx.Response(200, json=row)

    def _window(self, asked: dict[str, str]) -> httpx.Response:
        """Tasks as the data manager filters them; ``listing`` is called first, for a project that changes."""
        self.listing()
        self.windows.append(asked)
        query = json.loads(asked["query"])
        assert query["ordering"] == ["tasks:id"]
        found = [task for task in self.tasks if task.get("project", 1) == int(asked["project"])]
        for item in query["filters"]["items"]:
            match item:
                case {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}:
                    found = [task for task in found if task["id"] > last]
                case {"filter": "filter:tasks:completed_at", "operator": "empty", "value": True}:
                    found = [task for task in found if not task.get("completed_at")]
                case {"filter": "filter:tasks:total_annotations", "operator": "greater", "value": 0}:
                    found = [task for task in found if task.get("annotations")]
                case _:
                    return httpx.Response(400, json={"detail": f"unknown filter {item}"})
        shown = sorted(found, key=lambda task: int(task["id"]))[: int(asked["page_size"])]
        hidden = query.get("hiddenColumns")
        told = hidden is not None and f"tasks:{VERSIONS}" not in {*hidden["explore"], *hidden["labeling"]}
        included = asked["include"].split(",")
        rows = [
            {name: value for name, value in _row(task, versions=told).items() if name in included}
            for task in shown
        ]
        return httpx.Response(200, json={"tasks": rows, "total": len(found)})


def _row(task: Json, *, versions: bool) -> Json:
    """A task as the data manager lists it; the model versions only where they were asked for."""
    listed = [each for each in task.get("annotations", []) if isinstance(each, dict)]
    annotations = [each for each in listed if not each.get("was_cancelled")]
    predictions = task.get("predictions", [])
    told = ",".join(sorted({each["model_version"] for each in predictions})) if versions else ""
    return {
        "id": task["id"],
        "data": task["data"],
        "total_annotations": len(annotations),
        "total_predictions": len(predictions),
        VERSIONS: told[:500],
    }
