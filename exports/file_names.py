"""Names of pictures in a data set: those that their files have, safe for any file system, each only once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import httpx

from label_studio.site import handed_out, local_path
from values.errors import ImageForbidden

LONGEST = 150
"""Characters of a name; file systems take 255 bytes, and endings and numbers are added."""

_LONGEST_ADDRESS = 2**14
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')


def base_name(image: str, task: int) -> str:
    """The name of a task's image, of its value in the task's data; ``task-7`` where that has none."""
    name = _UNSAFE.sub("_", _last_part(image)).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    if len(ending) > 10:
        stem, dot, ending = name, "", ""
    while len(f"{stem}{dot}{ending}".encode()) > LONGEST:
        stem = stem[:-1]
    return f"{stem}{dot}{ending}" if stem else f"task-{task}"


def place_of(image: str) -> str:
    """Where an image is, for a person: without host, signature or password; "" for one in the task itself."""
    value = image.strip()
    if value[:5].lower() == "data:" or len(value) > _LONGEST_ADDRESS:
        return ""
    try:
        url = httpx.URL(value)
        return local_path(url) or handed_out(url) or unquote(urlsplit(value).path)
    except (ValueError, httpx.InvalidURL, ImageForbidden):
        return value.partition("?")[0].rpartition("@")[2]


def _last_part(image: str) -> str:
    return re.split(r"[/\\]", place_of(image).rstrip("/\\"))[-1]


class FileNames:
    """Gives every picture a name whose stem no other has: formats write ``STEM.txt`` for ``STEM.jpg``."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._stems = {_stem(name) for name in taken}

    def name_of(self, image: str, task: int) -> str:
        """The name of an image, with the task's number behind it where another has the same."""
        name = base_name(image, task)
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        number, tried = 1, name
        while _stem(tried) in self._stems:
            tail = f"-{task}" if number == 1 else f"-{task}-{number}"
            tried, number = f"{stem}{tail}{dot}{ending}", number + 1
        self._stems.add(_stem(tried))
        return tried


def stem_of(name: str) -> str:
    """A name without its ending."""
    return name.rpartition(".")[0] or name


def _stem(name: str) -> str:
    # Some file systems do not tell large letters from small ones.
    return stem_of(name).casefold()
