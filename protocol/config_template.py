"""The labeling config that ``connect`` writes, and what can be read off one that is already there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from xml.etree.ElementTree import (
    Element,
    ParseError,
    SubElement,
    canonicalize,
    indent,
    tostring,
)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_COLORS = ("#e6194b", "#4363d8", "#3cb44b", "#f58231", "#911eb4", "#008080", "#9a6324", "#f032e6")

# (tag, name, smart); the name is the heading too. Brush stands before polygon: a mask is returned as a brush.
_CONTROLS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("KeyPointLabels", "point", {"smart": "true"}),
    ("RectangleLabels", "box", {"smart": "true"}),
    ("BrushLabels", "brush", {"smart": "false"}),
    ("PolygonLabels", "polygon", {}),
)
_SMART_TAGS = frozenset({"KeyPointLabels", "RectangleLabels", "KeyPoint", "Rectangle"})


def build(labels: Sequence[str]) -> str:
    """A labeling config (XML) for ``$image`` with every label in four controls.

    Keypoints and rectangles are ``smart``: in Label Studio's editor only those two ask a backend. The brush
    says that it is not, or the editor would offer a smart brush that asks nobody.
    """
    view = Element("View")
    # The editor's own initial zoom, "fit", cuts a strip off each side of wide images (seen in 1.23.2).
    SubElement(view, "Image", name="image", value="$image", zoomControl="true", defaultZoom="auto")
    for tag, name, smart in _CONTROLS:
        SubElement(view, "Header", value=name.capitalize(), size="6")
        control = SubElement(view, tag, {"name": name, "toName": "image", **smart})
        for label, color in zip(labels, cycle(_COLORS), strict=False):
            SubElement(control, "Label", value=label, background=color)
    indent(view)
    return tostring(view, encoding="unicode")


def is_empty(config: str) -> bool:
    """Whether a project was never given a labeling config: ``<View></View>`` is how Label Studio says so."""
    root = _parse(config)
    return root is not None and len(root) == 0


def labels_of(config: str) -> list[str]:
    """Labels that every control of ``config`` with labels has, in the order of the first such control."""
    root = _parse(config)
    if root is None:
        return []
    controls = [_labels(element) for element in root.iter() if element.tag.endswith("Labels")]
    controls = [labels for labels in controls if labels]
    return [label for label in controls[0] if all(label in other for other in controls)] if controls else []


def asks_backend(config: str) -> bool:
    """Whether ``config`` has a control whose drawing makes Label Studio's editor ask the backend."""
    root = _parse(config)
    if root is None:
        return False
    return any(e.tag in _SMART_TAGS and e.get("smart", "true").lower() != "false" for e in root.iter())


def same(config: str, other: str) -> bool:
    """Whether two configs differ in nothing but white space, attribute order and quoting."""
    if _parse(config) is None or _parse(other) is None:
        return config == other
    # canonicalize parses with the standard library; defusedxml has let both texts pass by now.
    return canonicalize(config, strip_text=True) == canonicalize(other, strip_text=True)


def _labels(control: Element) -> list[str]:
    return [child.get("value", "") for child in control.iter("Label")]


def _parse(config: str) -> Element | None:
    try:
        root: Element = fromstring(config)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    return root
