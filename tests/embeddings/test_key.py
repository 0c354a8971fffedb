"""An image key tells projects, images and segmenters apart."""

from embeddings.key import image_key


def test_keys_differ_by_image_and_by_segmenter() -> None:
    keys = {image_key(image, segmenter) for image in ("1|a", "2|a", "1|b") for segmenter in ("x-1", "x-2")}
    assert len(keys) == 6


def test_a_key_is_the_same_everywhere() -> None:
    assert image_key("1|a", "x-1") == image_key("1|a", "x-1")
    assert len(image_key("1|a", "x-1")) == 40
