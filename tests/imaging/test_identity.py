"""An image is the same under any signature; its key tells projects and images apart."""

from __future__ import annotations

import pytest

from imaging.identity import image_key, unsigned_query
from net.addresses import parse_url


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (
            "X-Amz-Algorithm=A&X-Amz-Signature=s&X-Amz-Expires=1&X-Amz-Security-Token=t&versionId=3",
            "versionId=3",
        ),
        ("AWSAccessKeyId=a&Signature=s&Expires=1", ""),
        ("Policy=p&Signature=s&Key-Pair-Id=k", ""),
        ("X-Goog-Signature=s&X-Goog-Date=d&generation=2", "generation=2"),
        ("GoogleAccessId=g&Signature=s&Expires=1", ""),
        ("sv=2022&se=1&sr=b&sp=r&sig=s&snapshot=4", "snapshot=4"),
        ("Expires=1&se=2&sp=3", "Expires=1&se=2&sp=3"),
        ("Signature=who", "Signature=who"),
        ("id=1&id=2&empty=", "id=1&id=2&empty="),
    ],
)
def test_signatures_go_and_the_rest_stays(query: str, left: str) -> None:
    assert unsigned_query(parse_url(f"https://store.example/get?{query}")) == left


def test_a_token_beside_an_image_file_says_who_asks_and_elsewhere_which_image() -> None:
    assert unsigned_query(parse_url("https://store.example/a.JPG?token=1&alt=media")) == "alt=media"
    assert unsigned_query(parse_url("https://store.example/download?token=1")) == "token=1"


def test_keys_differ_by_image() -> None:
    assert len({image_key(image) for image in ("1|a", "2|a", "1|b")}) == 3


def test_a_key_is_the_same_everywhere() -> None:
    assert image_key("1|a") == image_key("1|a")
    assert len(image_key("1|a")) == 40
