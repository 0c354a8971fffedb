from __future__ import annotations

import pytest

from stores.buckets import Store, parse_store
from values.locations import StoredObject


@pytest.mark.parametrize(
    ("entry", "store"),
    [
        ("s3://photos", Store("s3", "photos", "")),
        ("s3://photos/", Store("s3", "photos", "")),
        ("s3://photos/2024/", Store("s3", "photos", "2024")),
        ("s3://my.photos_1/a b/é%20", Store("s3", "my.photos_1", "a b/é%20")),
        ("gs://a-b", Store("gs", "a-b", "")),
        ("azure-blob://container/x", Store("azure-blob", "container", "x")),
    ],
)
def test_entries(entry: str, store: Store) -> None:
    assert parse_store(entry) == store


@pytest.mark.parametrize("entry", ["", "photos", "s3:photos", "https://photos", "S3://photos", "s4://photos"])
def test_what_is_no_entry(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is not s3://bucket, gs://bucket or azure-blob://container"):
        parse_store(entry)


@pytest.mark.parametrize(
    "bucket", ["", "ab", "-ab", "ab-", "a..b", "Photos", "a b", "*", "a?b", "a#b", "a%2fb", "a\\b", "é" * 3]
)
def test_what_is_no_bucket(bucket: str) -> None:
    with pytest.raises(ValueError, match="names no bucket"):
        parse_store(f"s3://{bucket}/x")


@pytest.mark.parametrize("folder", ["..", "a/../b", "./a", "a//b", "/a", "a//", "a\nb", "a\0"])
def test_folders_that_lead_elsewhere(folder: str) -> None:
    with pytest.raises(ValueError, match="names a folder with"):
        parse_store(f"s3://photos/{folder}")


def test_a_star_is_not_needed() -> None:
    with pytest.raises(ValueError, match="a folder covers everything in it"):
        parse_store("s3://photos/2024/*")


def test_keys_put_into_an_entry_are_not_repeated() -> None:
    with pytest.raises(ValueError, match="entry with @") as caught:
        parse_store("s3://AKIDEXAMPLE:secret@photos")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "key", "covered"),
    [
        ("s3://photos", "a.png", True),
        ("s3://photos", "2024/é ü/100%.png", True),
        ("s3://photos", "...", True),
        ("s3://photos", "a?b#c", True),
        ("s3://photos", "%2e%2e/x", True),
        ("s3://photos/2024", "2024/a.png", True),
        ("s3://photos/2024/", "2024/b/a.png", True),
        ("s3://photos/2024", "2024x/a.png", False),
        ("s3://photos/2024", "2024", False),
        ("s3://photos/2024", "a/2024/a.png", False),
        ("s3://photos/2024", "2024/../a.png", False),
        ("s3://photos/2024", "%32024/a.png", False),
        ("s3://photo", "a.png", False),
        ("gs://photos", "a.png", False),
    ],
)
def test_what_an_entry_covers(entry: str, key: str, covered: bool) -> None:
    assert parse_store(entry).covers(StoredObject("s3", "photos", key, None)) is covered


HOSTILE = ["", "../../other/x", "a/..", "./a", "a/./b", "//evil", "/a", "a//b", "a/", "a\nb", "a\r\nb", "a\0"]


@pytest.mark.parametrize("key", [*HOSTILE, "a\x7f", "a\x85", "a\ud800.png"])
def test_keys_that_no_entry_covers(key: str) -> None:
    assert not parse_store("s3://photos").covers(StoredObject("s3", "photos", key, None))
