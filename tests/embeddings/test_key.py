"""An image key tells projects and images apart."""

from embeddings.key import image_key


def test_keys_differ_by_image() -> None:
    assert len({image_key(image) for image in ("1|a", "2|a", "1|b")}) == 3


def test_a_key_is_the_same_everywhere() -> None:
    assert image_key("1|a") == image_key("1|a")
    assert len(image_key("1|a")) == 40
