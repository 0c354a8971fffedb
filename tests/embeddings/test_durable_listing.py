from __future__ import annotations

import os
from pathlib import Path

import pytest

from embeddings.durable import DurableTier
from embeddings.durable_listing import Unlisted, stamps
from embeddings.options import DurableOptions
from tests.embeddings.samples import KEY, sample

OTHER = "b" * 40


async def test_the_keys_of_one_maker_each_with_what_changes_when_it_is_written_again(tmp_path: Path) -> None:
    options = DurableOptions(durable=str(tmp_path))
    assert await stamps(options, "small") == {}
    made = sample()
    tier = DurableTier(options, made.segmenter)
    for key in (KEY, OTHER):
        assert await tier.put(key, made)
    (tmp_path / made.segmenter / "aa" / "notes.txt").parent.mkdir(exist_ok=True)
    (tmp_path / made.segmenter / "aa" / "notes.txt").write_text("no embedding")
    before = await stamps(options, made.segmenter)
    assert set(before) == {KEY, OTHER}
    file = tmp_path / made.segmenter / OTHER[:2] / f"{OTHER}.safetensors"
    os.utime(file, (1, 1))
    after = await stamps(options, made.segmenter)
    assert after[KEY] == before[KEY]
    assert after[OTHER] != before[OTHER]
    assert await stamps(options, "other") == {}


async def test_a_place_that_does_not_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unlisted, match=r"cannot be listed in .*file.*; check that this folder exists"):
        await stamps(DurableOptions(durable=str(tmp_path / "file")), "small")


async def test_without_a_place_there_is_nothing_to_list() -> None:
    with pytest.raises(ValueError, match="without a place"):
        await stamps(DurableOptions(), "small")
