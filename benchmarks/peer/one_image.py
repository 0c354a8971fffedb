"""The predictor of Label Studio's SAM example: one for all requests, which keeps the last image alone."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
from label_studio_sdk._extensions.label_studio_tools.core.utils.io import get_local_path
from numpy.typing import NDArray


class OneImage:
    """Holds no lock between setting an image and predicting, so a thread may get a mask of another image.

    ``predictor``: the publisher's ``SamPredictor``.
    """

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._name: str | None = None
        # The key is the name alone, as in the example's cache.
        self._name_lock = threading.Lock()

    def masks(
        self,
        url: str,
        task: dict[str, Any],
        points: list[list[int]],
        labels: list[int],
        box: list[int] | None,
    ) -> tuple[list[NDArray[np.uint8]], list[float]]:
        """Masks (H, W) of 0 and 1 at the size of the image, and their scores."""
        self._set_image(url, task)
        found, scores, _ = self._predictor.predict(
            point_coords=np.array(points, np.float32) if points else None,
            point_labels=np.array(labels, np.float32) if labels else None,
            box=np.array(box, np.float32) if box else None,
            multimask_output=False,
        )
        return [np.asarray(found[0], np.uint8)], [float(scores[0])]

    def _set_image(self, url: str, task: dict[str, Any]) -> None:
        with self._name_lock:
            if self._name == url:
                return
        image = cv2.imread(get_local_path(url, task_id=task.get("id")))
        if image is None:
            raise ValueError(f"OpenCV cannot read {url}")
        self._predictor.set_image(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        with self._name_lock:
            self._name = url
