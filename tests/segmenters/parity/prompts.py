"""Random prompts."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from values.prompt import Prompt

_INSIDE = st.floats(0, 1, width=32)
_RELATIVE = st.sampled_from([0.0, 1.0]) | _INSIDE
_POINTS = st.tuples(_RELATIVE, _RELATIVE)


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """Up to six clicks of either sign and perhaps a box; also nothing at all."""
    clicks = draw(st.lists(st.tuples(_POINTS, st.integers(0, 1)), max_size=6))
    box = draw(st.none() | st.tuples(_POINTS, _POINTS))
    return Prompt(
        np.array([point for point, _ in clicks], np.float64).reshape(-1, 2),
        np.array([label for _, label in clicks], np.int32),
        None if box is None else np.sort(np.array(box, np.float64), axis=0).flatten(),
    )
