from __future__ import annotations

import base64
import io

import cv2
import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from protocol.bitmask import data_url, png


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)))
def test_opaque_black_where_on_and_transparent_elsewhere(mask: NDArray[np.bool_]) -> None:
    data = png(mask)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == mask.shape[::-1]
        image.load()
        rgba = np.asarray(image.convert("RGBA"))
    assert (rgba[..., 3] == np.where(mask, 255, 0)).all()
    assert not rgba[..., :3].any()
    # A second decoder, since checksums and lengths are ours.
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert decoded.shape[:2] == mask.shape


def test_data_url() -> None:
    mask = np.eye(9, dtype=np.bool_)
    head, _, payload = data_url(mask).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(payload) == png(mask)
