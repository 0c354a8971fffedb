"""The HTTP client with which commands ask one route of the running application: JSON there and back."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)
from tenacity.wait import WaitBaseT

from label_studio.ml_backends import Backend
from net.addresses import ForbiddenUrl, parse_url
from net.answer import Answer, target_of, without_query
from net.sync_client import NoAnswer, SyncClient
from serve_app.cli.common_options import CommandError

Json = Any

TIMEOUT_S = 120.0
HEALTH_S = 10.0
ATTEMPTS = 8
BACK_OFF: WaitBaseT = wait_exponential(multiplier=1, max=16) + wait_random(0, 1)
"""A minute and some seconds in all, in which a backend is started anew."""
LONGEST_PAUSE_S = 60.0
"""The most a Retry-After is obeyed."""

_JSON = {"Content-Type": "application/json"}
_LATER = frozenset({429, 502, 503, 504})  # statuses of a backend, or of a proxy in front of it, that pass


class TaskFailed(Exception):
    """The backend answered, and not with what was asked for."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Unanswered(TaskFailed):
    """No answer to the task itself. There may be one later; ``after_s``: seconds the backend asked for."""

    def __init__(self, code: str, sentence: str, after_s: float = 0.0) -> None:
        super().__init__(code, sentence)
        self.after_s = after_s


class Route:
    """A route of a backend. ``ask`` may be called from several threads at once.

    ``path``: of the route, ``/embed``. ``stopped``, once set, ends every wait for another attempt.
    """

    def __init__(self, backend: Backend, path: str, at_once: int, stopped: threading.Event) -> None:
        self.url = backend.url
        self._path = path
        self._stopped = stopped
        login = (backend.user, backend.password) if backend.user else None
        self._http = SyncClient(backend.url, TIMEOUT_S, login=login, at_once=at_once)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def check(self) -> str:
        """The version of the model that serves there, "" while that is not known.

        Raises ``CommandError`` unless this application answers.
        """
        return str(self.health().get("model_version") or "")

    def health(self) -> dict[str, Json]:
        """What the application says of itself, little while it starts.

        Raises ``CommandError`` unless this application answers.
        """
        try:
            answer = self._http.send("GET", "/health", {}, timeout_s=HEALTH_S)
        except NoAnswer as error:
            raise CommandError(_unreachable(self.url, error)) from error
        self._refuse_unusable(answer)
        if answer.status not in _LATER and "model_version" not in json_object(answer):
            raise self._not_ours()
        return json_object(answer)

    def ask(self, body: Json) -> dict[str, Json]:
        """The JSON object that the route answers; an empty one where it is none.

        Raises what ``send`` raises.
        """
        # Escaped JSON, whatever a task holds: half a surrogate pair has no UTF-8.
        return json_object(self.send(json.dumps(body).encode()))

    def send(self, body: bytes) -> Answer:
        """The answer of the route to JSON.

        Raises:
            Unanswered: no answer, after several attempts or once ``stopped``.
            TaskFailed: this body is refused.
            CommandError: every body would be.
        """
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=pause,
            sleep=self._rest,
            retry=retry_if_exception_type(Unanswered),
            reraise=True,
        )
        return retrying(self._once, body)

    def refused(self, status: int, code: str, detail: str) -> Exception:
        """What a refusal with that status means."""
        return TaskFailed(code, detail)

    def bad_answer(self) -> TaskFailed:
        """The answer is not one of this application."""
        sentence = f"{self.url} does not answer {self._path} as this application does; check --backend"
        return TaskFailed("bad_answer", sentence)

    def _not_ours(self) -> CommandError:
        return CommandError(f"{self.url} does not answer as this application does; check --backend")

    def _rest(self, seconds: float) -> None:
        """Wait for the next attempt, which is not made any more once ``stopped``."""
        if self._stopped.wait(seconds):
            raise Unanswered("stopped", "this command was stopped before the next attempt")

    def _once(self, body: bytes) -> Answer:
        try:
            answer = self._http.send("POST", self._path, _JSON, content=body)
        except NoAnswer as error:
            if error.late:
                raise Unanswered("timeout", f"{self.url} gave no answer in {TIMEOUT_S:g} s") from error
            raise Unanswered("unreachable", _unreachable(self.url, error)) from error
        self._refuse_unusable(answer)
        if answer.status == 200:
            return answer
        code, detail = refusal(answer.status, json_object(answer))
        if answer.status in _LATER:
            raise Unanswered(code, detail, seconds_after(answer.headers.get("retry-after", "")))
        if answer.status in (404, 405):
            raise CommandError(
                f"{self.url} has no {self._path}: it is another application or an older version"
            )
        raise self.refused(answer.status, code, detail)

    def _refuse_unusable(self, answer: Answer) -> None:
        if answer.status == 401:
            raise CommandError(
                f"{self.url} requires basic auth; give its --basic-auth-user and --basic-auth-pass"
            )
        try:
            target = target_of(answer, parse_url(f"{self.url}/"))
        except ForbiddenUrl:
            raise self._not_ours() from None
        if target is not None:
            raise CommandError(
                f"{self.url} redirects to {without_query(target)}; give --backend the address it redirects to"
            )


def pause(state: RetryCallState) -> float:
    """Seconds until the next attempt: longer each time, and no less than the backend asked for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.after_s if isinstance(error, Unanswered) else 0.0
    return max(asked, float(BACK_OFF(state)))


def refusal(status: int, body: Mapping[str, Json]) -> tuple[str, str]:
    """(code, sentence) of a refusal with that status and JSON object, whoever it comes from."""
    phrase = next((each.phrase for each in HTTPStatus if each == status), "")
    detail = body.get("detail") or f"the backend answers HTTP {status} {phrase}"
    return plain_line(body.get("error") or f"http_{status}"), plain_line(detail)


def plain_line(text: Json) -> str:
    """One line that a terminal shows as it is."""
    joined = " ".join(str(text).split())[:600]
    return "".join(each if each.isprintable() else "?" for each in joined)


def seconds_after(asked: str) -> float:
    """The seconds of a Retry-After header; 0 without one, or where it is a date."""
    return min(float(asked), LONGEST_PAUSE_S) if asked.isascii() and asked.isdigit() else 0.0


def _unreachable(url: str, error: NoAnswer) -> str:
    return f"cannot reach the backend at {url} ({error.kind}); is it running, and is --backend right?"


def json_object(answer: Answer) -> dict[str, Json]:
    """The body where it is a JSON object, else an empty one."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
