"""The labeling config of a project that has none yet."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import chain, cycle, repeat
from xml.etree.ElementTree import Element, SubElement, canonicalize, indent, tostring

from protocol.config_xml import read_xml
from values.errors import BadLabelConfig

_COLORS = ("#e6194b", "#4363d8", "#3cb44b", "#f58231", "#911eb4", "#008080", "#9a6324", "#f032e6")


class Result(StrEnum):
    """What a click gives: the control that takes the masks."""

    BRUSH = "brush"
    POLYGON = "polygon"
    BITMASK = "bitmask"
    RECTANGLE = "rectangle"


# (tag, name, heading, smart). Only those that a model asks by or fills: an empty row is one to get lost in.
_Column = tuple[str, str, str, dict[str, str]]
_POINT: _Column = ("KeyPointLabels", "point", "Click", {"smart": "true"})
_BOX: _Column = ("RectangleLabels", "box", "Box", {"smart": "true"})
_MASKS: dict[Result, tuple[_Column, ...]] = {
    Result.BRUSH: (("BrushLabels", "brush", "Brush", {"smart": "false"}),),
    Result.POLYGON: (("PolygonLabels", "polygon", "Polygon", {}),),
    Result.BITMASK: (("BitmaskLabels", "bitmask", "Bitmask", {"smart": "false"}),),
    Result.RECTANGLE: (),  # the boxes that ask are the boxes that are filled
}

# The columns stand beside each other; what would take more of the screen than that scrolls.
_ROW = "display: flex; gap: 12px; align-items: flex-start; overflow-y: auto"
_COLUMN = "flex: 1 1 0; min-width: 0"
# From so many labels on they are so much smaller: thirty are all seen above the picture on 1366 x 768, in ten
# rows of 25 pixels (measured in 1.23.2), and the picture is whole under them.
_SMALLER = ((17, 0.72), (9, 0.85))
_HIGHEST_VH = 38
_UNDER_MANY = "calc(100vh - 450px)"

_HOTKEYS = "1234567890"


def build(labels: Sequence[str], result: Result = Result.BRUSH) -> str:
    """A labeling config (XML) for ``$image`` with every label in one column for each control.

    The columns are beside each other and above the image. Keypoints and rectangles are ``smart``: in Label
    Studio's editor only those two ask a backend. The brush says that it is not, or the editor would offer a
    smart brush that asks nobody. The first ten labels for clicks have a digit for their key.
    """
    view = Element("View")
    row = SubElement(view, "View", style=_row(len(labels)))
    for tag, name, heading, smart in (_POINT, _BOX, *_MASKS[result]):
        column = SubElement(row, "View", style=_COLUMN)
        SubElement(column, "Header", value=heading, size="6")
        control = SubElement(column, tag, {"name": name, "toName": "image", **smart})
        keys = chain(_HOTKEYS, repeat("")) if name == _POINT[1] else repeat("")
        for label, color, key in zip(labels, cycle(_COLORS), keys, strict=False):
            known = {"hotkey": key} if key else {}
            SubElement(control, "Label", {"value": label, "background": color, **known})
    # The editor's own initial zoom, "fit", cuts a strip off each side of wide images (seen in 1.23.2).
    fitting = {"maxHeight": _UNDER_MANY} if _zoom(len(labels)) < 1 else {}
    picture = {"name": "image", "value": "$image", "zoomControl": "true", "defaultZoom": "auto", **fitting}
    SubElement(view, "Image", picture)
    indent(view)
    return tostring(view, encoding="unicode")


def _zoom(labels: int) -> float:
    """How large so many labels are written, 1 for as large as ever."""
    return next((zoom for count, zoom in _SMALLER if labels >= count), 1.0)


def _row(labels: int) -> str:
    """The style of the row above the picture."""
    zoom = _zoom(labels)
    # A length inside of what is made smaller is smaller too.
    smaller = f"; zoom: {zoom:g}" if zoom < 1 else ""
    return f"{_ROW}; max-height: {_HIGHEST_VH / zoom:.0f}vh{smaller}"


def result_of(config: str, labels: Sequence[str]) -> Result | None:
    """What a click gives in a config that ``build`` has made with these labels; None for any other config."""
    return next((result for result in Result if same(config, build(labels, result))), None)


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
