"""Pages of Label Studio: their addresses, which people also copy where the site's own is wanted."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_PAGE = re.compile(r"/(projects(/\d+(/.*)?)?|user/(login|signup|account)(/.*)?|organization(/.*)?)/?$")


def site_of_page(address: str) -> str | None:
    """The address of the site, without a slash at its end, where ``address`` is one of its pages'; else None.

    ``address``: with its scheme. What is in front of the page, a path prefix, belongs to the site.
    """
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    page = _PAGE.search(parts.path)
    if page is None or not parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path[: page.start()]}"


def task_page(site: str, project: int | str, task: int | str) -> str:
    """The address at which an annotator opens a task. ``site``: with or without a slash at its end."""
    return f"{site.rstrip('/')}/projects/{project}/data?task={task}"
