"""The tasks of a project of Label Studio, in its own order: how they are asked for, and how they are listed.

``GET /api/tasks`` with a filter, as the data manager of Label Studio 1.23 asks: ordered by id, which is the
order of sequential sampling, and the data manager's unless somebody sorted it. Windows go on behind the last
id and not by page: tasks that are added or deleted meanwhile move nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from label_studio.api import Address, Json, checked
from label_studio.credentials import ProjectTokens, get_with
from label_studio.options import LabelStudioOptions
from label_studio.site import Site
from net.addresses import AllowList
from net.host_places import HostPlaces
from net.resolver import Resolver, resolve
from net.transport import USER_AGENT, Net
from values.errors import ImageTimeout
from values.evidence import Content

TASKS = "/api/tasks"
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json"}


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
    total: int


_PAGE = msgspec.json.Decoder(_Page)


def window_query(project: int | str, last: int, count: int, *, unlabelled: bool) -> dict[str, str | int]:
    """The query for the first ``count`` tasks behind the id ``last``, or for those of them not labelled."""
    behind = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
    items: list[Json] = [behind]
    if unlabelled:
        items.append(
            {"filter": "filter:tasks:completed_at", "operator": "empty", "type": "Datetime", "value": True}
        )
    filters = {"conjunction": "and", "items": items}
    return {
        "project": project,
        "page_size": count,
        "fields": "task_only",
        "include": "id,data",
        "query": json.dumps({"filters": filters, "ordering": ["tasks:id"]}),
    }


def read_window(body: Content, at: Address) -> tuple[list[ListedTask], int]:
    """The tasks of an answer, and how many there are behind the same id in all. Raises LabelStudioError."""
    try:
        page = _PAGE.decode(body)
    except msgspec.MsgspecError:
        raise at.unlike("list tasks") from None
    return [ListedTask(each.id, bytes(each.data)) for each in page.tasks], page.total


class ProjectTasks:
    """Asks Label Studio for tasks, with the token that images are read with. Used from one event loop."""

    def __init__(self, options: LabelStudioOptions, *, resolver: Resolver = resolve) -> None:
        self._site = Site.of(options)
        self._timeout_s = options.image_timeout_s
        origin = None if self._site is None else self._site.origin
        self._net = Net(options, AllowList((), origin), resolver)
        self._hosts = HostPlaces()
        self._tokens = ProjectTokens(options, self._site, self._net)

    async def unlabelled_after(
        self, project: str, task: int, count: int, token: str | None = None
    ) -> Sequence[ListedTask]:
        """The first ``count`` unlabelled tasks behind ``task``, in order; none without LABEL_STUDIO_URL.

        Raises the ImageError that says why Label Studio gives no list; Overloaded where it is too busy.
        """
        if self._site is None or not project.isdecimal():
            return ()
        query, address = window_query(project, task, count, unlabelled=True), self._site.address
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._ask(self._site, project, query, token)
        except TimeoutError:
            raise ImageTimeout(f"{address.url} did not send it within {self._timeout_s:g} s in all") from None
        return read_window(body, address)[0]

    async def _ask(
        self, site: Site, project: str, query: Mapping[str, str | int], offered: str | None
    ) -> Content:
        token = self._tokens.of(offered)
        url = site.url(f"{TASKS}?{urlencode(query)}")
        async with self._hosts.at(str(site.origin), project, urgency=True):
            answer = await get_with(token, self._net, url, _HEADERS)
        return checked(answer, f"GET {TASKS}", site.address, token, f"project {project}")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._net.aclose()
