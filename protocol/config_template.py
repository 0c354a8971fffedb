"""The labeling config of a project that has none yet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from xml.etree.ElementTree import Element, SubElement, canonicalize, indent, tostring

from protocol.config_xml import read_xml
from values.errors import BadLabelConfig

_COLORS = ("#e6194b", "#4363d8", "#3cb44b", "#f58231", "#911eb4", "#008080", "#9a6324", "#f032e6")

# (tag, name, smart); the name is the heading too. Brush comes before polygon: a mask is returned as a brush.
_CONTROLS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("KeyPointLabels", "point", {"smart": "true"}),
    ("RectangleLabels", "box", {"smart": "true"}),
    ("BrushLabels", "brush", {"smart": "false"}),
    ("PolygonLabels", "polygon", {}),
)


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
    try:
        return len(read_xml(config)) == 0
    except BadLabelConfig:
        return False


def same(config: str, other: str) -> bool:
    """Whether two configs differ in nothing but white space, attribute order and quoting."""
    try:
        for each in (config, other):
            read_xml(each)
    except BadLabelConfig:
        return config == other
    # canonicalize parses with the standard library; read_xml has let both texts pass by now.
    return canonicalize(config, strip_text=True) == canonicalize(other, strip_text=True)
