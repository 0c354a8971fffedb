"""Label Studio's API the way its own front end uses it: a session and a CSRF token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from testing.canary import WATCH

Json = Any


class LabelStudioApi:
    """A logged-in user. Every call raises ``httpx.HTTPStatusError`` for 4xx and 5xx."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=120, trust_env=False)
        self._personal_access_token: str | None = None
        self._client.get("/user/login")
        form = {"csrfmiddlewaretoken": self._client.cookies["csrftoken"], "email": user, "password": password}
        answer = self._client.post("/user/login", data=form)
        if answer.status_code != 302:
            raise RuntimeError(f"Label Studio did not log {user} in: HTTP {answer.status_code}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Json:
        """One API call; the parsed JSON body, or None when there is none."""
        headers = {"X-CSRFToken": self._client.cookies["csrftoken"], "Referer": self.url}
        answer = self._client.request(method, path, headers=headers, **options)
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {answer.status_code} {answer.text[:500]}",
                request=answer.request,
                response=answer,
            )
        return answer.json() if answer.content else None

    def download(self, path: str, **query: str) -> bytes:
        """The body of a GET that is no JSON."""
        answer = self._client.get(path, params=query)
        answer.raise_for_status()
        return answer.content

    def personal_access_token(self) -> str:
        """The user's personal access token; Label Studio gives it out only once, so it is kept."""
        if self._personal_access_token is None:
            self._personal_access_token = WATCH.keep(str(self.call("POST", "/api/token/")["token"]))
        return self._personal_access_token

    def legacy_token(self) -> str:
        """The user's legacy token; it opens nothing unless legacy tokens are on."""
        return WATCH.keep(str(self.call("GET", "/api/current-user/token")["token"]))

    def create_project(self, title: str, label_config: str) -> int:
        """Id of a new project."""
        project = self.call("POST", "/api/projects/", json={"title": title, "label_config": label_config})
        return int(project["id"])

    def upload(self, project: int, *images: Path) -> list[int]:
        """Upload images as tasks; their ids, in the order given."""
        ids = []
        for image in images:
            files = {"file": (image.name, image.read_bytes())}
            path = f"/api/projects/{project}/import?return_task_ids=true"
            ids += [int(task) for task in self.call("POST", path, files=files)["task_ids"]]
        return ids

    def tasks(self, project: int) -> list[Json]:
        """All tasks of a project, as the data manager lists them."""
        query = {"project": project, "page_size": 1000, "fields": "all"}
        tasks: list[Json] = self.call("GET", "/api/tasks", params=query)["tasks"]
        return tasks

    def add_backend(self, project: int, url: str, **fields: Any) -> int:
        """Id of a new connection with interactive pre-annotations on."""
        body = {"project": project, "url": url, "title": "backend", "is_interactive": True, **fields}
        return int(self.call("POST", "/api/ml", json=body)["id"])

    def backends(self, project: int) -> list[Json]:
        """The project's connections; asking makes Label Studio call health and setup of each."""
        rows: list[Json] = self.call("GET", "/api/ml", params={"project": project})
        return rows

    def webhooks(self, project: int) -> list[Json]:
        """The project's webhooks."""
        rows: list[Json] = self.call("GET", "/api/webhooks/", params={"project": project})
        return rows

    def click(self, backend: int, task: int, prompts: list[Json]) -> Json:
        """What Label Studio answers its editor: ``{"data": prediction}`` or ``{"errors": [...]}``."""
        body = {"task": task, "context": {"result": prompts}}
        return self.call("POST", f"/api/ml/{backend}/interactive-annotating", json=body)
