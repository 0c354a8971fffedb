"""Labeling configs of common jobs, by the names that people of the field search for."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

from protocol.config_template import Asks, Layout, Result

DEFAULT_LABELS = ("Object",)


@dataclass(frozen=True, slots=True)
class Template:
    """``about``: the job, in a sentence. ``labels``: those of a project that names none."""

    name: str
    about: str
    layout: Layout = field(default_factory=Layout)
    labels: tuple[str, ...] = DEFAULT_LABELS


_INSPECTION = Layout(Result.BITMASK, Asks.CLICKS, verdicts=("Good", "Faulty", "Not sure"), note=True)

TEMPLATES = {
    each.name: each
    for each in (
        Template(
            "semantic-segmentation",
            "Which pixels are of which class: masks that the brush and the eraser touch up.",
            Layout(Result.BRUSH),
            ("Object", "Background"),
        ),
        Template(
            "instance-segmentation",
            "Each object on its own, as a polygon whose corners can be moved.",
            Layout(Result.POLYGON),
        ),
        Template(
            "instance-masks",
            "Each object on its own, exact to the pixel and with holes; light in the browser.",
            Layout(Result.BITMASK),
        ),
        Template(
            "object-detection",
            "Boxes: a click on a thing gives the box that is tight around it, a loose box is tightened.",
            Layout(Result.RECTANGLE),
        ),
        Template(
            "box-to-mask",
            "Boxes are drawn and masks come of them: for things that touch their like, or have many colours.",
            Layout(Result.BRUSH, Asks.BOXES),
        ),
        Template(
            "click-to-mask",
            "Clicks and nothing else, with one column less to look at: for crowds of small things.",
            Layout(Result.BRUSH, Asks.CLICKS),
        ),
        Template(
            "inspection",
            "Faults as masks, a verdict on the whole picture, and a line for words.",
            _INSPECTION,
            ("Scratch", "Dent", "Stain"),
        ),
    )
}
"""By name, in the order in which they are listed."""

LAYOUTS = tuple(
    Layout(result, asks, verdicts, note, explains)
    for verdicts, note in (((), False), (_INSPECTION.verdicts, _INSPECTION.note))
    for result, asks, explains in product(Result, Asks, (False, True))
)
"""Every layout that a template, another result given to it, or no template at all may have made."""
