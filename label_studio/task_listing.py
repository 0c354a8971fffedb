"""All tasks of a project of Label Studio, or one of them, as commands ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from tenacity.wait import WaitBaseT

from label_studio.api import LabelStudioError, Refused
from label_studio.client import LabelStudio
from label_studio.tasks import TASKS, ListedTask, read_window, window_query

WINDOW = 100
"""Tasks asked for at once."""

BACK_OFF: WaitBaseT = wait_random_exponential(multiplier=1, max=30)
ATTEMPTS = 5


class TaskListing:
    """The tasks of one project by rising id, asked for in windows while they are gone through.

    None of them is kept: a project may have a hundred thousand. The first window is read at once; ``total``
    is how many tasks there are, as far as is known. Raises what ``LabelStudio`` raises, then and later.
    """

    def __init__(self, studio: LabelStudio, project: int, *, only_unlabelled: bool = False) -> None:
        self._studio = studio
        self._project = project
        self._only_unlabelled = only_unlabelled
        self._first, self.total = self._window(0)

    def __iter__(self) -> Iterator[ListedTask]:
        window, gone_through = self._first, 0
        while window:
            yield from window
            gone_through += len(window)
            window, more = self._patiently(window[-1].id)
            self.total = gone_through + more

    def _patiently(self, last: int) -> tuple[list[ListedTask], int]:
        """The window behind ``last``. A restart of Label Studio must not end the work of hours."""
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS), wait=BACK_OFF, retry=retry_if_exception(_passes), reraise=True
        )
        return retrying(self._window, last)

    def _window(self, last: int) -> tuple[list[ListedTask], int]:
        """The tasks behind the id ``last``, and how many tasks are behind it in all."""
        query = window_query(self._project, last, WINDOW, unlabelled=self._only_unlabelled)
        window, total = read_window(self._studio.read(TASKS, **query), self._studio.at)
        if any(after <= before for before, after in pairwise([last, *(task.id for task in window)])):
            # Going on would bring the same tasks for ever.
            raise LabelStudioError(
                f"Label Studio at {self._studio.url} does not list the tasks of project {self._project} "
                "by their ids; it may be too old for this command"
            )
        return window, total


class _ShownTask(msgspec.Struct):
    project: int
    data: msgspec.Raw


_SHOWN = msgspec.json.Decoder(_ShownTask)


def task_of(studio: LabelStudio, number: int) -> tuple[ListedTask, int]:
    """The task with that id and the id of its project. Raises what ``LabelStudio`` raises."""
    body = studio.read_one(f"{TASKS}/{number}/", f"task {number}")
    try:
        shown = _SHOWN.decode(body)
    except msgspec.MsgspecError:
        raise studio.at.unlike("show tasks") from None
    return ListedTask(number, bytes(shown.data)), shown.project


def _passes(error: BaseException) -> bool:
    """Whether it may be better a little later: no answer, or a server in trouble."""
    if isinstance(error, Refused):
        return error.answered >= 500 or error.answered == 429
    return isinstance(error, LabelStudioError)
