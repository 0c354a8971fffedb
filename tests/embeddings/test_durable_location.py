"""Where embeddings are kept, and what they are called there."""

from __future__ import annotations

import pytest

from embeddings.durable_location import BucketFolder, Folder, is_object_name, object_name, parse_place, why
from tests.embeddings.samples import KEY


def test_the_name_of_an_embedding() -> None:
    name = object_name("sam-6dbb9052", KEY)
    assert name == f"sam-6dbb9052/01/{KEY}.safetensors"
    assert is_object_name(name)


@pytest.mark.parametrize("key", ["", "a" * 39, "a" * 41, "A" * 40, "../" + "a" * 37, "a" * 40 + "\n"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="40 hex digits"):
        object_name("sam-1", key)


@pytest.mark.parametrize("segmenter", ["", ".", "..", "a/b", "a b", "a\n", "é"])
def test_other_segmenters_are_refused(segmenter: str) -> None:
    with pytest.raises(ValueError, match="name of a folder"):
        object_name(segmenter, KEY)


@pytest.mark.parametrize(
    "name",
    [
        f"{KEY}.safetensors",
        f"01/{KEY}.safetensors",
        f"a/02/{KEY}.safetensors",
        f"a/b/01/{KEY}.safetensors",
        f"a/01/{KEY}.safetensors#1",
        f"a/01/{KEY}.png",
        "a/01/model.safetensors",
    ],
)
def test_what_is_not_named_like_an_embedding(name: str) -> None:
    assert not is_object_name(name)


@pytest.mark.parametrize(
    "place", ["/cache/embeddings", "s3://bucket/a/b", "gs://bucket", "azure-blob://box/a"]
)
def test_a_place_is_called_as_it_was_given(place: str) -> None:
    assert str(parse_place(place)) == place


def test_kinds_of_places() -> None:
    assert isinstance(parse_place("/cache"), Folder)
    azure = parse_place("az://box/a/")
    assert isinstance(azure, BucketFolder)
    assert (str(azure.bucket), azure.prefix) == ("azure-blob://box", "a")
    assert "AZURE_STORAGE_ACCOUNT_KEY" in azure.remedy


@pytest.mark.parametrize("place", ["", "cache", "~/cache", "./cache", "/a/../b", "/a\nb", "ftp://x", "az://"])
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(ValueError, match=r"is n|names no bucket"):
        parse_place(place)


def test_only_the_systems_words_are_taken_from_an_error() -> None:
    error = OSError("Generic error: cannot copy /secret/path: No space left on device (os error 28)\n\nmore")
    assert why(error) == "No space left on device"
    assert why(OSError("body of an answer")) == "no usable answer"
