"""The ML backends of a project, and the webhooks that tell them what happens in Label Studio.

A connection is a row of Label Studio's, as JSON. Every call raises what ``LabelStudio`` raises; Refused where
Label Studio does not reach the backend, or will not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from label_studio.api import Json
from label_studio.client import LabelStudio

_ROWS = "/api/ml"
_HOOKS = "/api/webhooks/"
_REACHED = frozenset({"CO", "PR", "TR"})  # connected, predicting, training: Label Studio's MLBackendState


@dataclass(frozen=True, slots=True)
class Backend:
    """Where Label Studio finds this backend, and the basic auth it has to show there."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    def fields(self, project: int) -> dict[str, Json]:
        """The connection as Label Studio's API wants it."""
        row: dict[str, Json] = {"project": project, "url": self.url, "is_interactive": True}
        if self.user:
            return {
                **row,
                "auth_method": "BASIC_AUTH",
                "basic_auth_user": self.user,
                "basic_auth_pass": self.password,
            }
        return {**row, "auth_method": "NONE"}

    def is_as(self, row: Json) -> bool:
        """Whether Label Studio's ``row`` says the same; a password is compared by use, not by value."""
        kept = row["auth_method"] == "BASIC_AUTH" and row["basic_auth_user"] == self.user
        auth = kept and row["basic_auth_pass_is_set"] if self.user else row["auth_method"] == "NONE"
        return bool(row["is_interactive"] and auth and is_reached(row))


def connections_of(studio: LabelStudio, project: int) -> list[Json]:
    """The rows of all backends of a project; to tell their state, Label Studio asks each of them."""
    rows = studio.get(_ROWS, project=project)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "url" in row for row in rows):
        raise studio.at.unlike("list backends")
    return rows


def disconnect(studio: LabelStudio, project: int, row: int, url: str) -> None:
    """Take a backend off a project, and the webhook that tells it of that project."""
    studio.delete(f"{_ROWS}/{row}")
    for hook in studio.get(_HOOKS, project=project):
        if str(hook.get("url", "")).rstrip("/") == f"{url.rstrip('/')}/webhook":
            studio.delete(f"{_HOOKS}{hook['id']}/")


def connection_of(studio: LabelStudio, project: int, url: str) -> Json | None:
    """The row of the project's backend at ``url``; to tell its state, Label Studio asks that backend."""
    rows = connections_of(studio, project)
    return next((row for row in rows if str(row["url"]).rstrip("/") == url), None)


def connect_backend(studio: LabelStudio, project: int, backend: Backend, title: str) -> Json:
    """Connect a project to a backend under ``title``; the new row."""
    return studio.post(_ROWS, {**backend.fields(project), "title": title})


def change_connection(studio: LabelStudio, row: Json, project: int, backend: Backend) -> Json:
    """Make an existing row say what ``backend`` says; the changed row."""
    return studio.patch(f"{_ROWS}/{row['id']}", backend.fields(project))


def is_reached(row: Json) -> bool:
    """Whether Label Studio reaches the backend."""
    return row["state"] in _REACHED


def trouble_of(row: Json) -> str:
    """What Label Studio says of a backend that it does not reach."""
    return str(row.get("error_message") or row.get("readable_state") or "")


def webhooks_to(studio: LabelStudio, project: int, url: str) -> list[Json]:
    """The webhooks of a project that go to ``url``."""
    return [hook for hook in studio.get(_HOOKS, project=project) if hook["url"] == url]


def add_webhook(studio: LabelStudio, project: int, url: str) -> bool:
    """Have all that happens in a project posted to ``url``; whether that is new."""
    if webhooks_to(studio, project, url):
        return False
    studio.post(_HOOKS, {"project": project, "url": url, "send_payload": True, "send_for_all_actions": True})
    return True
