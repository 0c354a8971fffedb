"""The name under which an embedding is kept, and by which its decoder replica is found."""

from __future__ import annotations

import hashlib


def image_key(image: str) -> str:
    """40 hex digits that name one image as seen by one project.

    ``image``: the canonical identity of the image. It holds the Label Studio origin and the project, so that
    an embedding is never found by somebody who could not have read the image.

    The segmenter is not in it: while a new model is rolled out, an image keeps its place among the decoders
    whichever of both models a caller knows. What is kept under the key says itself who made it.
    """
    return hashlib.sha256(image.encode()).hexdigest()[:40]
