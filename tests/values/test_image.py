"""How a model size scales an image, and what an image source shows of itself."""

import pytest

from values.image import ImageSource, ModelSize


@pytest.mark.parametrize(
    ("size", "natural", "scaled"),
    [
        (ModelSize(1024), (320, 200), (1024, 640)),
        (ModelSize(1024), (180, 300), (614, 1024)),
        (ModelSize(1024), (4000, 200), (1024, 51)),
        (ModelSize(1024), (40000, 1), (1024, 1)),
        (ModelSize(1024, keep_aspect=False), (320, 200), (1024, 1024)),
        (ModelSize(1024, enlarge=False), (320, 200), (320, 200)),
        (ModelSize(1024, enlarge=False), (2048, 1000), (1024, 500)),
    ],
)
def test_scaling(size: ModelSize, natural: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert size.scaled(*natural) == scaled


def test_a_source_does_not_show_its_url_or_password() -> None:
    source = ImageSource("https://host/image.png?token=canary", "3", 42, "canary-user", "canary-pass")
    assert "canary" not in repr(source)
