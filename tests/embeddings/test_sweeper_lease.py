"""One holder at a time, the dead are replaced, and nobody's clock has to be right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import NotSupportedError
from obstore.store import LocalStore

from embeddings import sweeper_lease
from embeddings.sweeper_lease import BEAT_S, DEAD_S, FOLDER, LeaseLost, SweeperLease


class Candidates:
    """Processes that share a folder and no clock."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.store = LocalStore(folder)
        self.seconds = [1000.0 * number for number in range(count)]
        self.leases = [self._lease(number) for number in range(count)]

    def _lease(self, number: int) -> SweeperLease:
        return SweeperLease(5.0, lambda: self.seconds[number])

    async def take(self, number: int) -> bool:
        return await self.leases[number].take(self.store)

    async def renew(self, number: int) -> None:
        await self.leases[number].renew(self.store)

    async def release(self, number: int) -> None:
        await self.leases[number].release(self.store)

    @property
    def terms(self) -> list[str]:
        return sorted(path.name for path in (self.folder / FOLDER).iterdir())


async def test_of_all_who_ask_at_once_one_has_it(tmp_path: Path) -> None:
    many = Candidates(tmp_path, 8)
    assert sum(await asyncio.gather(*map(many.take, range(8)))) == 1
    assert sum(await asyncio.gather(*map(many.take, range(8)))) == 0
    assert len(many.terms) == 1


async def test_when_it_is_released_the_next_one_has_it_and_one_object_is_left(tmp_path: Path) -> None:
    two = Candidates(tmp_path, 2)
    for _ in range(3):
        for number in range(2):
            assert await two.take(number)
            await two.release(number)
    assert two.terms == ["000000006.json"]


async def test_who_goes_on_is_left_alone_and_who_died_is_replaced(tmp_path: Path) -> None:
    two = Candidates(tmp_path, 2)
    assert await two.take(0)
    for _ in range(10):
        assert not await two.take(1)
        two.seconds = [each + DEAD_S / 2 for each in two.seconds]
        await two.renew(0)
    # From now on nobody hears of it.
    assert not await two.take(1)
    two.seconds[1] += DEAD_S - 1
    assert not await two.take(1)
    two.seconds[1] += 1
    assert await two.take(1)
    # It was only slow: it learns of it, leaves the other one alone and may ask again.
    two.seconds[0] += BEAT_S
    with pytest.raises(LeaseLost):
        await two.renew(0)
    await two.release(0)
    assert not await two.take(0)
    await two.renew(1)
    assert two.terms == ["000000002.json"]


async def test_it_is_said_only_now_and_then_that_it_goes_on(tmp_path: Path) -> None:
    one = Candidates(tmp_path, 1)
    assert await one.take(0)
    [term] = (tmp_path / FOLDER).iterdir()
    before = term.read_bytes()
    one.seconds[0] += BEAT_S - 1
    await one.renew(0)
    assert term.read_bytes() == before
    one.seconds[0] += 1
    await asyncio.gather(*(one.renew(0) for _ in range(5)))
    assert term.read_bytes() != before
    assert b'"said so": 2' in term.read_bytes()


async def test_who_was_slow_to_begin_a_term_that_is_long_over_has_none(tmp_path: Path) -> None:
    two = Candidates(tmp_path, 2)
    assert await two.take(1)
    (tmp_path / FOLDER / "000000001.json").rename(tmp_path / FOLDER / "000000003.json")
    assert not await two.leases[0]._begin(two.store, 2)
    assert two.terms == ["000000003.json"]


async def test_what_nobody_can_read_is_a_dead_holders(tmp_path: Path) -> None:
    one = Candidates(tmp_path, 1)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "000000007.json").write_bytes(b"\xff")
    (tmp_path / FOLDER / "notes.txt").write_bytes(b"mine")
    assert not await one.take(0)
    one.seconds[0] += DEAD_S
    assert await one.take(0)
    assert one.terms == ["000000008.json", "notes.txt"]


class Unconditional:
    """obstore, of a store that knows no conditions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(obstore, name)

    async def put_async(self, store: Any, name: str, data: bytes, *, mode: str, **options: Any) -> None:
        if mode == "create":
            raise NotSupportedError("no conditions")
        await obstore.put_async(store, name, data, **options)


async def test_a_store_without_conditions_is_swept_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_lease, "obstore", Unconditional())
    two = Candidates(tmp_path, 2)
    assert await two.take(0)
    assert not await two.take(1)
    await two.release(0)
    assert await two.take(1)
