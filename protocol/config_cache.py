"""A cache of parsed labeling configs, because each click of a project brings the same one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Read = TypeVar("Read")


class ConfigCache(Generic[Read]):
    """Keeps what ``read`` makes of XML, and drops the least recently used above ``characters`` of XML in all.

    The limit counts characters, because a megabyte of XML becomes dozens of megabytes of objects. Several
    threads may call at once; two of them may read the same XML.
    """

    def __init__(self, read: Callable[[str], Read], characters: int) -> None:
        self._read = read
        self._most = characters
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Read] = OrderedDict()
        self._characters = 0

    def of(self, xml: str) -> Read:
        """What was made of ``xml``. Raises what ``read`` raises, which is not kept."""
        with self._lock:
            if xml in self._kept:
                self._kept.move_to_end(xml)
                return self._kept[xml]
        made = self._read(xml)
        with self._lock:
            self._characters += 0 if xml in self._kept else len(xml)
            self._kept[xml] = made
            while self._characters > self._most:
                self._characters -= len(self._kept.popitem(last=False)[0])
        return made
