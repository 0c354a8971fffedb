"""The labeling config of a project that has none yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, cycle, repeat
from xml.etree.ElementTree import Element, SubElement, canonicalize, indent, tostring

from protocol.config_xml import read_xml
from protocol.label_config import NOTE
from values.errors import BadLabelConfig

_COLORS = ("#e6194b", "#4363d8", "#3cb44b", "#f58231", "#911eb4", "#008080", "#9a6324", "#f032e6")


class Result(StrEnum):
    """What a click gives: the control that takes the masks."""

    BRUSH = "brush"
    POLYGON = "polygon"
    BITMASK = "bitmask"
    RECTANGLE = "rectangle"


class Asks(StrEnum):
    """By what annotators ask for a mask."""

    BOTH = "clicks and boxes"
    CLICKS = "clicks"
    BOXES = "boxes"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a labeling config has besides its labels.

    ``result``: what a click gives. ``asks``: the smart controls. ``verdicts``: of the whole picture, of which
    one is chosen. ``note``: whether there is a line for words about the picture. ``explains``: whether there
    is one in which annotators read why a click got no mask.
    """

    result: Result = Result.BRUSH
    asks: Asks = Asks.BOTH
    verdicts: tuple[str, ...] = ()
    note: bool = False
    explains: bool = False


# (tag, name, heading, smart). Only those that a model asks by or fills: an empty row is one to get lost in.
_Column = tuple[str, str, str, dict[str, str]]
_POINT: _Column = ("KeyPointLabels", "point", "Click", {"smart": "true"})
_BOX: _Column = ("RectangleLabels", "box", "Box", {"smart": "true"})
_ASKING: dict[Asks, tuple[_Column, ...]] = {
    Asks.BOTH: (_POINT, _BOX),
    Asks.CLICKS: (_POINT,),
    Asks.BOXES: (_BOX,),
}
_MASKS: dict[Result, _Column] = {
    Result.BRUSH: ("BrushLabels", "brush", "Brush", {"smart": "false"}),
    Result.POLYGON: ("PolygonLabels", "polygon", "Polygon", {}),
    Result.BITMASK: ("BitmaskLabels", "bitmask", "Bitmask", {"smart": "false"}),
    Result.RECTANGLE: ("RectangleLabels", "box", "Box", {"smart": "false"}),
}

# The columns stand beside each other; what would take more of the screen than that scrolls.
_ROW = "display: flex; gap: 12px; align-items: flex-start; overflow-y: auto"
_COLUMN = "flex: 1 1 0; min-width: 0"
# From so many labels on they are so much smaller: thirty are all seen above the picture on 1366 x 768, in ten
# rows of 25 pixels (measured in 1.23.2), and the picture is whole under them.
_SMALLER = ((17, 0.72), (9, 0.85))
_HIGHEST_VH = 38
_UNDER_MANY = "calc(100vh - 450px)"

# The toolbar begins 50 pixels below the picture's top. On a small screen its last button, which is the smart
# tool, would be below the edge. Versions that call the toolbar something else show it as they always do.
_TOOLBAR = "@media (max-height: 900px) { .lsf-toolbar { margin-top: 0; zoom: 0.8; } }"

_HOTKEYS = "1234567890"


def build(labels: Sequence[str], made: Result | Layout = Result.BRUSH) -> str:
    """A labeling config (XML) for ``$image`` with every label in one column for each control.

    ``made``: the layout, or what a click gives where clicks and boxes ask and there is nothing else.

    The columns are beside each other and above the image. Keypoints and rectangles are ``smart``: in Label
    Studio's editor only those two ask a backend. The brush says that it is not, or the editor would offer a
    smart brush that asks nobody. The first ten labels of the first column have a digit for their key.
    """
    layout = Layout(made) if isinstance(made, Result) else made
    view = Element("View")
    SubElement(view, "Style").text = _TOOLBAR
    row = SubElement(view, "View", style=_row(len(labels)))
    for number, (tag, name, heading, smart) in enumerate(_columns(layout)):
        control = SubElement(_column(row, heading), tag, {"name": name, "toName": "image", **smart})
        keys = repeat("") if number else chain(_HOTKEYS, repeat(""))
        for label, color, key in zip(labels, cycle(_COLORS), keys, strict=False):
            known = {"hotkey": key} if key else {}
            SubElement(control, "Label", {"value": label, "background": color, **known})
    _add_questions(row, layout)
    if layout.explains:
        # Nobody can write in it: it may be submitted no times.
        line = {"name": NOTE, "toName": "image", "editable": "false", "maxSubmissions": "0"}
        SubElement(view, "TextArea", line)
    # The editor's own initial zoom, "fit", cuts a strip off each side of wide images (seen in 1.23.2).
    fitting = {"maxHeight": _UNDER_MANY} if _zoom(len(labels)) < 1 else {}
    picture = {"name": "image", "value": "$image", "zoomControl": "true", "defaultZoom": "auto", **fitting}
    SubElement(view, "Image", picture)
    indent(view)
    return tostring(view, encoding="unicode")


def _columns(layout: Layout) -> Iterator[_Column]:
    """The controls with labels; where the boxes that ask are the boxes that are filled, only once."""
    asking = _ASKING[layout.asks]
    yield from asking
    if layout.result is not Result.RECTANGLE or _BOX not in asking:
        yield _MASKS[layout.result]


def _column(row: Element, heading: str) -> Element:
    column = SubElement(row, "View", style=_COLUMN)
    SubElement(column, "Header", value=heading, size="6")
    return column


def _add_questions(row: Element, layout: Layout) -> None:
    """What is asked about the whole picture, in a column of its own."""
    if not layout.verdicts and not layout.note:
        return
    column = _column(row, "Picture")
    if layout.verdicts:
        choices = SubElement(column, "Choices", name="verdict", toName="image", choice="single-radio")
        for verdict in layout.verdicts:
            SubElement(choices, "Choice", value=verdict)
    if layout.note:
        SubElement(column, "TextArea", name="note", toName="image", maxSubmissions="1", placeholder="Note")


def _zoom(labels: int) -> float:
    """How large so many labels are written, 1 for as large as ever."""
    return next((zoom for count, zoom in _SMALLER if labels >= count), 1.0)


def _row(labels: int) -> str:
    """The style of the row above the picture."""
    zoom = _zoom(labels)
    # A length inside of what is made smaller is smaller too.
    smaller = f"; zoom: {zoom:g}" if zoom < 1 else ""
    return f"{_ROW}; max-height: {_HIGHEST_VH / zoom:.0f}vh{smaller}"


def layout_of(config: str, labels: Sequence[str], layouts: Iterable[Layout]) -> Layout | None:
    """The one of ``layouts`` that ``build`` has made ``config`` of, with these labels; None for any other."""
    return next((layout for layout in layouts if same(config, build(labels, layout))), None)


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
