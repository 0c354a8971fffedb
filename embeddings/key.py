"""The name under which an embedding is kept, and by which its decoder replica is found."""

from __future__ import annotations

import hashlib


def image_key(image: str, segmenter: str) -> str:
    """40 hex digits that name one image as seen by one project and encoded by one segmenter.

    ``image``: the canonical identity of the image. It holds the Label Studio origin and the project, so that
    an embedding is never found by somebody who could not have read the image.
    ``segmenter``: id of model and weights; another checkpoint is another key.
    """
    return hashlib.sha256(f"{segmenter}\n{image}".encode()).hexdigest()[:40]
