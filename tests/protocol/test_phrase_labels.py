from __future__ import annotations

import pytest

from protocol.controls import OUTPUT_ORDER
from protocol.label_config import Image, parse
from protocol.options import ReadOptions
from protocol.phrase_labels import labels_of, names_of, phrases_of_labels
from tests.protocol.support import IMAGE, control, view
from values.errors import BadPrompt

PICTURE = Image("image", "$image")
CAT = '<Label value="Cat" alias="C" predicted_values="kitten, Tabby"/>'
CONFIG = parse(
    view(
        IMAGE,
        control("KeyPointLabels", "point", "Cat", "Tail"),
        f'<BrushLabels name="brush" toName="image"><Label value="Dog"/>{CAT}</BrushLabels>',
        control("PolygonLabels", "polygon", "Bird", "tabby"),
    )
)


def test_a_phrase_has_the_label_that_is_called_so() -> None:
    phrases = ("KITTEN", "c", "Cat", "dog", "tail", "lynx")
    labels = ["C", "C", "Cat", "Dog", "Tail", "Dog"]
    assert list(labels_of(phrases, CONFIG, PICTURE, None, ReadOptions())) == labels
    assert labels_of(("lynx",), CONFIG, PICTURE, "Bird", ReadOptions()) == ("Bird",)


def test_the_things_of_a_label_are_called_as_its_most_telling_control_says() -> None:
    assert names_of("C", CONFIG, PICTURE) == ("kitten", "Tabby")
    assert names_of("Cat", CONFIG, PICTURE) == ("kitten", "Tabby")
    assert names_of("Elk", CONFIG, PICTURE) == ("Elk",)
    with pytest.raises(BadPrompt, match="choose a label first"):
        names_of(None, CONFIG, PICTURE)


def test_all_labels_that_a_mask_may_have_are_looked_for() -> None:
    phrases, labels = phrases_of_labels(CONFIG, PICTURE, OUTPUT_ORDER)
    assert dict(zip(phrases, labels, strict=True)) == {
        "kitten": "C",
        "Tabby": "C",
        "Dog": "Dog",
        "Bird": "Bird",
    }


def test_labels_of_another_image_or_of_none_are_not() -> None:
    with pytest.raises(BadPrompt, match='no labels for masks on the image "other"'):
        phrases_of_labels(CONFIG, Image("other", "$other"), OUTPUT_ORDER)


@pytest.mark.parametrize("count", [64, 65, 9000])
def test_no_more_labels_than_can_be_looked_for_at_once(count: int) -> None:
    names = [f"thing {number}" for number in range(count)]
    config = parse(view(IMAGE, control("BrushLabels", "brush", *names)))
    if count <= 64:
        assert phrases_of_labels(config, PICTURE, OUTPUT_ORDER)[0] == tuple(names)
        return
    with pytest.raises(BadPrompt, match="name over 64 things, the most that are looked for at once"):
        phrases_of_labels(config, PICTURE, OUTPUT_ORDER)
