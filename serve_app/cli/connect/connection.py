"""Adding this backend to a Label Studio project, and asking Label Studio whether it reaches it."""

from __future__ import annotations

from dataclasses import dataclass, field

from label_studio.api import Json, Refused
from label_studio.client import LabelStudio
from serve_app.cli.errors import CommandError
from values.errors import ServiceError

TITLE = "Segment Anything on Ray Serve"
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

    def matches(self, row: Json) -> bool:
        """Whether Label Studio's ``row`` says the same; a password is compared by use, not by value."""
        kept = row["auth_method"] == "BASIC_AUTH" and row["basic_auth_user"] == self.user
        auth = kept and row["basic_auth_pass_is_set"] if self.user else row["auth_method"] == "NONE"
        return bool(row["is_interactive"] and auth and row["state"] in _REACHED)


def add(studio: LabelStudio, project: int, backend: Backend) -> str:
    """Connect ``backend`` to ``project``: "added", "updated" or "unchanged". Raises ``ServiceError``.

    Returns only when Label Studio itself has reported that it reaches the backend.
    """
    row = _row(studio, project, backend.url)
    try:
        if row is None:
            row = studio.post("/api/ml", {**backend.fields(project), "title": TITLE})
            done = "added"
        elif not backend.matches(row):
            row = studio.patch(f"/api/ml/{row['id']}", backend.fields(project))
            done = "updated"
        else:
            done = "unchanged"
        if _add_webhook(studio, project, backend.url) and done == "unchanged":
            done = "updated"
    except Refused as error:
        raise _explained(error, backend.url, saved=_row(studio, project, backend.url) is not None) from error
    if row["state"] not in _REACHED:
        raise _unreachable(backend.url, str(row.get("error_message") or row.get("readable_state") or ""))
    return done


def _row(studio: LabelStudio, project: int, url: str) -> Json | None:
    rows = studio.get("/api/ml", project=project)
    return next((row for row in rows if str(row["url"]).rstrip("/") == url), None)


def _add_webhook(studio: LabelStudio, project: int, backend_url: str) -> bool:
    """Make the webhook that Label Studio makes by itself unless its settings forbid the address."""
    url = f"{backend_url}/webhook"
    if any(hook["url"] == url for hook in studio.get("/api/webhooks/", project=project)):
        return False
    hook = {"project": project, "url": url, "send_payload": True, "send_for_all_actions": True}
    studio.post("/api/webhooks/", hook)
    return True


def _explained(error: Refused, url: str, *, saved: bool) -> ServiceError:
    if error.private_address:
        # The row is saved before the webhook is refused, so the 403 alone does not say which it was.
        state = (
            "accepted the backend but refuses its webhook, because"
            if saved
            else "refuses the backend, because"
        )
        return CommandError(
            f"Label Studio {state} {url} is a loopback or private address: start Label Studio with both "
            "ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false in its environment, "
            "then run this again"
        )
    if error.answered == 400 or "resolve hostname" in error.reason:
        return _unreachable(url, error.reason)
    return error


def _unreachable(url: str, reason: str) -> CommandError:
    cause = reason.rpartition("Additional info: ")[2]  # what stands before it is advice, ours is nearer
    said = f" Label Studio says: {cause}" if cause else ""
    return CommandError(
        f"Label Studio cannot use the backend at {url}: is it running, and is that its address as seen from "
        "where Label Studio runs (a container does not see the host's 127.0.0.1)? Set --backend, and "
        f"--basic-auth-user and --basic-auth-pass if it asks for them.{said}"
    )
