"""Adding this backend to a Label Studio project, and asking Label Studio whether it reaches it."""

from __future__ import annotations

from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.ml_backends import (
    Backend,
    add_webhook,
    change_connection,
    connect_backend,
    connection_of,
    is_reached,
    trouble_of,
)
from serve_app.cli.errors import CommandError
from values.errors import ServiceError

TITLE = "Segment Anything on Ray Serve"


def add(studio: LabelStudio, project: int, backend: Backend) -> str:
    """Connect ``backend`` to ``project``: "added", "updated" or "unchanged". Raises ``ServiceError``.

    Returns only when Label Studio itself has reported that it reaches the backend.
    """
    row = connection_of(studio, project, backend.url)
    try:
        if row is None:
            row = connect_backend(studio, project, backend, TITLE)
            done = "added"
        elif not backend.is_as(row):
            row = change_connection(studio, row, project, backend)
            done = "updated"
        else:
            done = "unchanged"
        # Label Studio makes it by itself, unless its settings forbid the address.
        if add_webhook(studio, project, f"{backend.url}/webhook") and done == "unchanged":
            done = "updated"
    except Refused as error:
        saved = connection_of(studio, project, backend.url) is not None
        raise _explained(error, backend.url, saved=saved) from error
    if not is_reached(row):
        raise _unreachable(backend.url, trouble_of(row))
    return done


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
