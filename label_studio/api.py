"""What Label Studio's API answers: what was asked for, or a refusal as a sentence for who can mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from net.addresses import ForbiddenUrl, Origin, parse_url
from net.answer import Answer, target_of, without_query
from values.errors import ImageUnauthorized, ImageUnreachable
from values.evidence import Content

Json = Any

_REFUSED_ADDRESS = "reserved network address"  # Label Studio's own words, core/utils/io.py
_MARKUP = re.compile(r"<[^>]+>")
_REASON_LIMIT = 600


class LabelStudioError(ImageUnreachable):
    """Label Studio is not there, or does not do what it was asked to; the sentence says what to mend."""


class Refused(LabelStudioError):
    """Label Studio answered with an error status; ``reason`` is what it said of it, "" for nothing."""

    def __init__(self, detail: str, status: int = 0, reason: str = "") -> None:
        super().__init__(detail)
        self.answered = status
        self.reason = reason

    @property
    def private_address(self) -> bool:
        """Whether the reason is a loopback or private address that Label Studio's settings forbid."""
        return self.answered in (400, 403) and _REFUSED_ADDRESS in self.reason


@dataclass(frozen=True, slots=True)
class Address:
    """Where Label Studio is asked. ``url``: without a slash at its end; ``setting``: what an operator gave
    it by, such as LABEL_STUDIO_URL."""

    url: str
    setting: str

    def unlike(self, does: str = "answer") -> LabelStudioError:
        """Something else answers there, which does not do what Label Studio does."""
        return LabelStudioError(f"{self.url} does not {does} as Label Studio does; check {self.setting}")


class Shown(Protocol):
    """A token that Label Studio was shown."""

    @property
    def personal(self) -> bool:
        """Whether it is a personal access token; else it is a legacy token."""

    @property
    def kind(self) -> str:
        """Which kind of token it is and where it comes from, in words."""


def unauthorized(what: str, token: Shown | None, project: str = "its project") -> ImageUnauthorized:
    """The error for a Label Studio that refused ``token``, or was shown none; ``what`` it did."""
    if token is None:
        remedy = f"set LABEL_STUDIO_API_KEY to a token that may read {project}"
        return ImageUnauthorized(f"Label Studio {what}; {remedy}")
    remedy = f"use one of a user who may read {project}"
    if not token.personal:
        remedy = (
            "legacy tokens are off unless an administrator enables them: use a personal access token of "
            f"a user who may read {project}"
        )
    return ImageUnauthorized(f"Label Studio {what} to the {token.kind}; {remedy}")


def checked(answer: Answer, asked: str, at: Address, token: Shown | None, project: str) -> Content:
    """The body of an answer to ``asked``, the method and path of a call.

    Raises:
        ImageUnauthorized: the token is refused, or may not do this and Label Studio gives no reason.
        Refused: any other error status.
        LabelStudioError: a redirect, see ``check_place``.
    """
    check_place(answer, at, token, project)
    reason = _reason(answer)
    if answer.status == 401 or (answer.status == 403 and not reason):
        raise unauthorized(f"answered {answer.status}", token, project)
    if not 200 <= answer.status < 300:
        raise Refused(_refusal(asked, answer.status, reason), answer.status, reason)
    return answer.body


def check_place(answer: Answer, at: Address, token: Shown | None, project: str = "its project") -> None:
    """Raises for a redirect: Label Studio's API has none, something in front of it sends elsewhere."""
    try:
        base = parse_url(f"{at.url}/")
        target = target_of(answer, base)
    except ForbiddenUrl:
        raise at.unlike() from None
    if target is None:
        return
    if Origin.of(target) == Origin.of(base) and "/user/login" in target.path:
        raise unauthorized("asks for a login", token, project)
    where = without_query(target)
    raise LabelStudioError(f"{at.url} redirects to {where}; give {at.setting} the address it redirects to")


def read_json(body: Content, at: Address) -> Json:
    """A body as JSON. Raises LabelStudioError."""
    try:
        return json.loads(body)
    except ValueError:
        raise at.unlike() from None


def _refusal(asked: str, status: int, reason: str) -> str:
    """The sentence about an error status."""
    if status < 500:
        return f"Label Studio refused {asked}: HTTP {status} {reason}".rstrip()
    told = f" {reason}" if reason else "; its log says why"
    return f"Label Studio failed at {asked}: HTTP {status}{told}"


def _reason(answer: Answer) -> str:
    """What Label Studio says went wrong, as one line without markup."""
    if answer.status < 400:
        return ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        body = {"detail": body}
    said = body.get("validation_errors") or body.get("detail") or ""
    return " ".join(_MARKUP.sub("", " ".join(_sentences(said))).split())[:_REASON_LIMIT]


def _sentences(said: Json) -> Iterator[str]:
    if isinstance(said, dict):
        for key, value in said.items():
            text = " ".join(_sentences(value))
            yield text if key == "non_field_errors" else f"{key}: {text}"
    elif isinstance(said, list):
        for value in said:
            yield from _sentences(value)
    elif said:
        yield str(said)
