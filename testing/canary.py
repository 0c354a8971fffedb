"""One marker in every secret of the tests, and a watch that looks for it where no secret may be.

``CANARY`` is the legacy token of the tests and is part of their personal access tokens, passwords and logins.
``WATCH`` collects every place in which it turns up; ``tests/conftest.py`` then fails the test that ran.
"""

from __future__ import annotations

import base64
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from values.errors import ServiceError

CANARY = "canary-3f9c1d7e5b"

# A JSON Web Token, or its first two parts. A log with one gives its secret away, so each is a finding.
_JWT = r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}"
_AROUND = 80
# The logger of the deployments: an operator can set it to DEBUG (LOG_LEVEL), whatever Ray sets it to here.
_OURS = "ray.serve"


def _forms(secret: str) -> set[str]:
    """The secret itself, and pieces that any base64 of a text with the secret must hold."""
    forms = {secret}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret.encode())
        first, last = -(-shift * 8 // 6), (shift + len(secret)) * 8 // 6
        inside = encoded[first:last].decode()
        forms |= {inside, inside.translate(str.maketrans("+/", "-_"))}
    return forms


class Watch:
    """Finds secrets in texts and remembers where, until ``take`` asks."""

    def __init__(self, *secrets: str) -> None:
        self._forms: set[str] = set()
        self._found: list[str] = []
        self._pattern = re.compile(_JWT)
        for secret in secrets:
            self.keep(secret)

    def keep(self, secret: str) -> str:
        """Watch for ``secret`` and return it. A short one would be found everywhere, and is refused."""
        if len(secret) < 12:
            raise ValueError("a secret of less than 12 characters cannot be told from other text")
        self._forms |= _forms(secret)
        # The longest first, so that the excerpt hides the whole secret.
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), _JWT]))
        return secret

    def look(self, text: str, place: str) -> None:
        """Remember ``place`` when a secret is in ``text``."""
        if found := self._pattern.search(text):
            before = text[max(0, found.start() - _AROUND) : found.start()]
            after = self._pattern.sub("<secret>", text[found.end() :])[:_AROUND]
            self._found.append(f"a secret is in {place}: {before}<secret>{after}")

    def look_in_folder(self, folder: Path, place: str) -> None:
        """Look into every file below ``folder``, except sockets, links and files that vanish meanwhile."""
        for path in sorted(folder.rglob("*")):
            with suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    self.look(path.read_bytes().decode("latin-1"), f"{path.relative_to(folder)} of {place}")

    def take(self) -> list[str]:
        """A sentence for each finding since the last call."""
        found, self._found = self._found, []
        return found


WATCH = Watch(CANARY)


@contextmanager
def listening(watch: Watch) -> Iterator[None]:
    """Look into every log record and every ``ServiceError`` of this process inside the block.

    ``watch`` gets the records that a root logger at DEBUG would log. Levels and handlers stay as the tests
    set them, so nothing else logs more than before.
    """
    enabled, handle, init = logging.Logger.isEnabledFor, logging.Logger.handle, ServiceError.__init__

    def heard(logger: logging.Logger, level: int) -> bool:
        return enabled(logger, level) or level >= _level(logger)

    def look_and_handle(logger: logging.Logger, record: logging.LogRecord) -> None:
        watch.look(_text(record), f"a log record of {record.name} at {record.levelname}")
        if enabled(logger, record.levelno):
            handle(logger, record)

    def look_and_init(error: ServiceError, detail: str) -> None:
        init(error, detail)
        watch.look(str(detail), f"the text of {type(error).__name__}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Logger, "isEnabledFor", heard)
        patch.setattr(logging.Logger, "handle", look_and_handle)
        patch.setattr(ServiceError, "__init__", look_and_init)
        yield


def _level(logger: logging.Logger) -> int:
    """The level that holds for ``logger`` where the root logger has DEBUG."""
    at: logging.Logger | None = logger
    while at is not None and at.parent is not None and at.name != _OURS:
        if at.level:
            return at.level
        at = at.parent
    return logging.DEBUG


def _text(record: logging.LogRecord) -> str:
    parts = [repr(record.args), record.stack_info or ""]
    # A record that cannot be formatted is no concern here: logging reports it where it is handled.
    with suppress(Exception):
        parts.append(record.getMessage())
    if record.exc_info and record.exc_info[0] is not None:
        parts += traceback.format_exception(*record.exc_info)
    return "\n".join(parts)


def judge(watch: Watch, report: pytest.TestReport) -> None:
    """Let the report of one phase of a test fail when a secret turned up in that phase."""
    for title, printed in report.sections:
        if title.endswith(f" {report.when}"):
            watch.look(printed, f"what the test printed ({title})")
    if found := watch.take():
        report.outcome = "failed"
        said = f"{report.longrepr}\n\n" if report.longrepr else ""
        report.longrepr = said + "\n".join(found)
