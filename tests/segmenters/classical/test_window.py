from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmenters.classical.window import Window


@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 1024), st.integers(1, 1024)),
    st.tuples(*[st.floats(-50, 1100)] * 4),
)
def test_a_window_lies_in_the_image_and_has_cells(
    image: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    window = Window.around((x0, y0, x1, y1), 0.2, image, 5000)
    assert 0 <= window.left < window.right <= image[0]
    assert 0 <= window.top < window.bottom <= image[1]
    assert 1 <= window.width * window.height <= 5000 + 1100
    left, top, right, bottom = window.rectangle((x0, y0, x1, y1))
    assert 0 <= left < right <= window.width
    assert 0 <= top < bottom <= window.height


def test_points_outside_have_no_cell() -> None:
    window = Window(10, 20, 30, 40, 40, 40)
    assert window.cells([(10, 20), (29.9, 39.9), (9.9, 25), (30, 25)]) == [(0, 0), (39, 39)]


def test_extent_undoes_rectangle() -> None:
    window = Window(10, 20, 50, 60, 80, 80)
    mask = np.zeros((80, 80), np.bool_)
    mask[20:40, 10:70] = True
    assert window.extent(mask) == (15.0, 30.0, 45.0, 40.0)
    assert window.rectangle(window.extent(mask)) == (10, 20, 70, 40)


def test_paint_touches_only_the_window() -> None:
    canvas = np.zeros((10, 12), np.float32)
    Window(2, 3, 6, 8, 40, 50).paint(np.ones((50, 40), np.float32), canvas)
    assert canvas.sum() == pytest.approx(4 * 5)
    assert canvas[3:8, 2:6].min() == 1
