"""The XML of a labeling config: read within limits, and what was made of it kept for the next click.

Whoever writes the config of a project writes it for all of us; each click of a project brings the same one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from values.errors import BadLabelConfig

LENGTH_LIMIT = 2**20
"""Characters of a labeling config."""

TAG_LIMIT = 10_000
"""Tags in it, labels above all: each takes ten microseconds to read, during which other clicks wait."""

ATTRIBUTE_LIMIT = 40_000
"""Equals signs in it, of which each attribute has one: a microsecond each."""

Read = TypeVar("Read")


def check_length(xml: str) -> None:
    """Raises BadLabelConfig for one over 1 MiB."""
    if len(xml) > LENGTH_LIMIT:
        raise BadLabelConfig(
            f"the labeling config has {len(xml)} characters, over the limit of {LENGTH_LIMIT}"
        )


def read_xml(xml: str) -> Element:
    """The outermost tag.

    Raises:
        BadLabelConfig: not XML, empty, over 1 MiB, 10,000 tags or 40,000 attributes, or with a DTD or
            entities.
    """
    check_length(xml)
    if not xml.strip():
        raise BadLabelConfig("the labeling config is empty; save one in the project's settings")
    if xml.count("<") - xml.count("</") > TAG_LIMIT or xml.count("=") > ATTRIBUTE_LIMIT:
        raise BadLabelConfig(
            f"the labeling config has over {TAG_LIMIT} tags, or {ATTRIBUTE_LIMIT} attributes; give the "
            "project fewer labels"
        )
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException:
        raise BadLabelConfig("the labeling config has a DTD or entities; write it without them") from None
    except (ParseError, ValueError) as error:
        raise BadLabelConfig(f"the labeling config is not XML: {error}") from None
    return root


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
