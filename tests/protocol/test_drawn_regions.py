"""What is on the screen already: where it is, of whatever kind, at little cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from protocol import drawn_regions as module
from protocol.drawings import Drawing, Drawn
from protocol.drawn_regions import DECODED_LIMIT, DrawnRegions, drawn_regions
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from testing.annotated import EACH_KIND, HEIGHT, WIDTH, annotation, bitmask_region, brush, rectangle
from tests.protocol.support import encoded
from values.errors import BadPrompt


def drawn(regions: Sequence[dict[str, Any]], read: Any = draw, **more: Any) -> DrawnRegions:
    task = {"id": 7, "data": {}, "drafts": [{"id": 1, "result": list(regions)}], **more}
    return drawn_regions(encoded({"tasks": [task]}), "image", None, set(), read, ReadOptions())


@pytest.mark.parametrize("kind", sorted(EACH_KIND))
def test_each_kind_is_where_its_box_is(kind: str) -> None:
    known = EACH_KIND[kind]()
    found = drawn([known.region])
    [box] = found.boxes
    rows, columns = np.flatnonzero(known.truth.any(1)), np.flatnonzero(known.truth.any(0))
    edges = (columns[0] / WIDTH, rows[0] / HEIGHT, (columns[-1] + 1) / WIDTH, (rows[-1] + 1) / HEIGHT)
    assert np.allclose(box, edges, atol=0.01)
    assert [found.label] == known.region["value"][known.region["type"]]


def test_only_a_png_is_decoded() -> None:
    decoded: list[Drawing] = []

    def noted(drawing: Drawing) -> Drawn:
        decoded.append(drawing)
        return Drawn(np.array([0, 0, 1, 1.0]))

    drawn([make().region for make in EACH_KIND.values()], noted)
    assert {each.kind for each in decoded} <= {"png", "opaque png"}
    decoded.clear()
    many = [{**bitmask_region().region, "id": f"b{number}"} for number in range(DECODED_LIMIT + 5)]
    assert len(drawn(many, noted).boxes) == len(decoded) == DECODED_LIMIT


def test_what_cannot_be_decoded_is_on_nobodys_screen() -> None:
    def fails(drawing: Drawing) -> Drawn:
        raise BadPrompt("no PNG")

    assert len(drawn([bitmask_region().region, rectangle().region], fails).boxes) == 1


def test_the_newest_regions_count_and_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REGION_LIMIT", 5)
    monkeypatch.setattr(module, "RESULTS_BYTES", 10_000)
    few = [rectangle(label=f"L{number}", id=f"r{number}").region for number in range(8)]
    found = drawn(few)
    assert (len(found.boxes), found.label) == (5, "L7")
    heavy = {**brush().region, "id": "heavy", "value": {"rle": [255] * 10_000, "format": "rle"}}
    assert len(drawn([few[0], heavy, few[1]]).boxes) == 1


def test_a_draft_counts_before_what_is_stored() -> None:
    stored = annotation(rectangle().region, brush().region)
    assert len(drawn([rectangle().region], annotations=[stored]).boxes) == 1
    assert len(drawn([], annotations=[stored]).boxes) == 2
