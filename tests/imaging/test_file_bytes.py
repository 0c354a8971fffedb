from __future__ import annotations

import io
import os
import random
import tracemalloc

import pytest

from imaging.file_bytes import LARGE, FileBytes

DATA = bytes(range(256)) * 300


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_it_is_read_like_any_file(kind: type[bytes | bytearray]) -> None:
    ours, theirs, chance = FileBytes(kind(DATA)), io.BytesIO(DATA), random.Random(1)
    for _ in range(2000):
        match chance.randrange(4):
            case 0:
                place = chance.randrange(len(DATA) + 100)
                assert ours.seek(place) == theirs.seek(place)
            case 1:
                back = -chance.randrange(len(DATA))
                assert ours.seek(back, os.SEEK_END) == theirs.seek(back, os.SEEK_END)
            case 2:
                count = chance.choice([0, 1, 8, 5000, 100_000])
                assert ours.read(count) == theirs.read(count)
            case _:
                assert ours.tell() == theirs.tell()
    assert (ours.seek(0), ours.read()) == (0, DATA)


def test_there_is_nothing_before_the_first_byte() -> None:
    with pytest.raises(ValueError, match="before the first byte"):
        FileBytes(DATA).seek(-1)


def test_the_file_is_not_copied() -> None:
    data = bytearray(50_000_000)
    tracemalloc.start()
    try:
        FileBytes(data).read(1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 2_500_000
    finally:
        tracemalloc.stop()


def test_what_is_used_up_is_read_forwards_and_makes_room() -> None:
    whole = random.Random(2).randbytes(LARGE + 1000)
    data = bytearray(whole)
    reader = FileBytes(data)
    assert reader.read(100_000) == whole[:100_000]
    reader.use_up()
    assert reader.read(LARGE - 200_000) == whole[100_000 : LARGE - 100_000]
    assert len(data) < LARGE // 2
    reader.seek(-50_000, os.SEEK_CUR)
    assert reader.read() == whole[LARGE - 150_000 :]
    assert reader.seek(0, os.SEEK_END) == len(whole)
    reader.seek(0)
    with pytest.raises(OSError, match="read before"):
        reader.read(1)


@pytest.mark.parametrize("data", [bytes(LARGE + 1), bytearray(LARGE)])
def test_what_is_small_or_somebody_elses_stays_whole(data: bytes | bytearray) -> None:
    file = FileBytes(data)
    file.use_up()
    file.read()
    assert len(data) >= LARGE
