"""The running application as `precompute` speaks with it: one task sent, the state of its images back."""

from __future__ import annotations

import json
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from tenacity.wait import WaitBaseT

from serve_app.cli.connection import Backend
from serve_app.cli.label_studio import ConnectError, Json
from serve_app.cli.precompute_answers import (
    Image,
    TaskFailed,
    Unanswered,
    read_image,
    refusal,
    seconds_after,
)
from serve_app.cli.precompute_tasks import Task

TIMEOUT_S = 120.0
ATTEMPTS = 6
BACK_OFF: WaitBaseT = wait_random_exponential(multiplier=1, max=30)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LATER = frozenset({429, 502, 503, 504})  # statuses of a backend, or of a proxy in front of it, that pass


class Encoder:
    """The ``/embed`` route of a backend. :meth:`embed` may be called from several threads at once.

    ``stopped``, once set, ends every wait for another attempt.
    """

    def __init__(self, backend: Backend, at_once: int, stopped: threading.Event) -> None:
        self._url = backend.url
        self._stopped = stopped
        self._proven = False
        self._client = httpx.Client(
            auth=httpx.BasicAuth(backend.user, backend.password) if backend.user else None,
            timeout=httpx.Timeout(TIMEOUT_S, connect=10.0),
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            # A proxy configured for the internet must not catch calls to this very machine.
            trust_env=urlsplit(backend.url).hostname not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def check(self) -> None:
        """Raises :class:`ConnectError` unless this application answers there."""
        try:
            answer = self._client.get(f"{self._url}/health", timeout=10.0)
        except httpx.HTTPError as error:
            raise ConnectError(_unreachable(self._url, error)) from error
        self._refuse_unusable(answer)
        if answer.status_code not in _LATER and "model_version" not in _object(answer):
            raise ConnectError(f"{self._url} does not answer as this application does; check --backend")

    def embed(self, task: Task) -> list[Image]:
        """See to it that the images of the task are stored; an entry for each, none for a task without.

        Raises:
            Unanswered: no answer, after several attempts or once ``stopped``.
            TaskFailed: this task is refused.
            ConnectError: every task would be.
        """
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=pause,
            sleep=self._rest,
            retry=retry_if_exception_type(Unanswered),
            reraise=True,
        )
        return retrying(self._once, task)

    def _rest(self, seconds: float) -> None:
        """Wait for the next attempt, which is not made any more once ``stopped``."""
        if self._stopped.wait(seconds):
            raise Unanswered("stopped", "this command was stopped before the next attempt")

    def _once(self, task: Task) -> list[Image]:
        try:
            # Escaped JSON, whatever a task holds: half a surrogate pair has no UTF-8.
            answer = self._client.post(
                f"{self._url}/embed",
                content=json.dumps(task.body()),
                headers={"Content-Type": "application/json"},
            )
        except httpx.TimeoutException as error:
            raise Unanswered("timeout", f"{self._url} gave no answer in {TIMEOUT_S:g} s") from error
        except httpx.HTTPError as error:
            raise Unanswered("unreachable", _unreachable(self._url, error)) from error
        self._refuse_unusable(answer)
        code, detail = refusal(answer.status_code, _object(answer))
        if answer.status_code in _LATER:
            raise Unanswered(code, detail, seconds_after(answer.headers.get("Retry-After", "")))
        if answer.status_code in (404, 405):
            raise ConnectError(f"{self._url} has no /embed: it is another application or an older version")
        if answer.status_code == 400 and not self._proven:
            # It stores nothing at all; once it has stored something, a 400 is about the task.
            raise ConnectError(detail)
        if answer.status_code != 200:
            raise TaskFailed(code, detail)
        images = self._images(answer)
        if any(image.state != "failed" for image in images):
            self._proven = True
        return images

    def _images(self, answer: httpx.Response) -> list[Image]:
        try:
            return [read_image(each) for each in _object(answer)["results"]]
        except (KeyError, TypeError, ValueError):
            sentence = f"{self._url} does not answer /embed as this application does; check --backend"
            raise TaskFailed("bad_answer", sentence) from None

    def _refuse_unusable(self, answer: httpx.Response) -> None:
        if answer.status_code == 401:
            raise ConnectError(
                f"{self._url} asks for basic auth; give the --basic-auth-user and --basic-auth-pass it has"
            )
        if answer.next_request is not None:
            target = answer.next_request.url
            raise ConnectError(
                f"{self._url} redirects to {target.scheme}://{target.netloc.decode('ascii')}{target.path}; "
                "give --backend the address it redirects to"
            )


def pause(state: RetryCallState) -> float:
    """Seconds until the next attempt: longer each time, and no less than the backend asked for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.after_s if isinstance(error, Unanswered) else 0.0
    return max(asked, float(BACK_OFF(state)))


def _unreachable(url: str, error: httpx.HTTPError) -> str:
    kind = type(error).__name__
    return f"cannot reach the backend at {url} ({kind}); is it running, and is --backend right?"


def _object(answer: httpx.Response) -> dict[str, Json]:
    """The body where it is a JSON object, else an empty one."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
