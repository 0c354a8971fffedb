"""Which tasks a project of Label Studio has, in its own order, over its API.

``GET /api/tasks`` with a filter, as the data manager of Label Studio 1.23 asks: ordered by id, which is the
order of sequential sampling, and the data manager's unless somebody sorted it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from imaging.options import ImageOptions
from imaging.web import Web
from label_studio.site import Site
from net.resolver import Resolver, resolve
from values.errors import ImageUnreachable
from values.image import ImageSource
from values.locations import LabelStudioFile


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task: its id, and its data as undecoded JSON."""

    id: int
    data: bytes


class _Task(msgspec.Struct):
    id: int
    data: msgspec.Raw


class _Page(msgspec.Struct):
    tasks: list[_Task]


_PAGE = msgspec.json.Decoder(_Page)


class ProjectTasks:
    """Asks Label Studio for tasks, with the token that images are read with. Used from one event loop."""

    def __init__(self, options: ImageOptions, *, resolver: Resolver = resolve) -> None:
        self._site = Site.of(options)
        self._web = Web(options, resolver)

    async def unlabelled_after(
        self, project: str, task: int, count: int, token: str | None = None
    ) -> Sequence[ListedTask]:
        """The first ``count`` unlabelled tasks behind ``task``, in order; none without LABEL_STUDIO_URL.

        Raises the ImageError that says why Label Studio gives no list.
        """
        if self._site is None or not project.isdecimal():
            return ()
        url = self._site.url(f"/api/tasks?{urlencode(_query(project, task, count))}")
        found = await self._web.fetch(LabelStudioFile(url), ImageSource("", project=project, token=token))
        try:
            page = _PAGE.decode(found.content)
        except msgspec.MsgspecError:
            raise ImageUnreachable(
                f"{self._site.origin} does not list tasks as Label Studio does; check LABEL_STUDIO_URL"
            ) from None
        return [ListedTask(each.id, bytes(each.data)) for each in page.tasks]

    async def aclose(self) -> None:
        """Close all connections."""
        await self._web.aclose()


def _query(project: str, task: int, count: int) -> dict[str, Any]:
    behind = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": task}
    unlabelled = {
        "filter": "filter:tasks:completed_at",
        "operator": "empty",
        "type": "Datetime",
        "value": True,
    }
    filters = {"conjunction": "and", "items": [behind, unlabelled]}
    return {
        "project": project,
        "page_size": count,
        "fields": "task_only",
        "include": "id,data",
        "query": json.dumps({"filters": filters, "ordering": ["tasks:id"]}),
    }
