from __future__ import annotations

import asyncio

import pytest

from concurrency.priority_slots import Place, PrioritySlots, Share, Shares, Urgency


class Queue:
    """Tasks that wait for slots; ``started`` are their names in the order in which they got places."""

    def __init__(self, slots: PrioritySlots) -> None:
        self._slots = slots
        self.started: list[str] = []
        self.places: list[Place] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def add(self, name: str, urgent: bool | Urgency, shares: Shares = ()) -> None:
        async def wait() -> None:
            place = await self._slots.take(urgent, shares)
            self.started.append(name)
            self.places.append(place)

        self.tasks[name] = asyncio.create_task(wait())
        await turns()

    async def leave(self) -> None:
        self.places.pop(0).leave()
        await turns()

    async def drain(self) -> list[str]:
        while self.places:
            await self.leave()
        return self.started


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_urgent_ones_go_first_and_keep_their_order() -> None:
    queue = Queue(PrioritySlots(1))
    for name, urgent in [
        ("held", True),
        ("later 1", False),
        ("now 1", True),
        ("later 2", False),
        ("now 2", True),
    ]:
        await queue.add(name, urgent)
    assert await queue.drain() == ["held", "now 1", "now 2", "later 1", "later 2"]


async def test_one_start_in_four_is_of_what_nobody_waits_for() -> None:
    queue = Queue(PrioritySlots(1, share=4))
    await queue.add("held", True)
    for number in range(3):
        await queue.add(f"later {number}", False)
    for number in range(9):
        await queue.add(f"now {number}", True)
    kinds = [name.split()[0] for name in (await queue.drain())[1:]]
    assert kinds == ["now", "now", "now", "later"] * 3


async def test_places_are_used_by_whoever_is_there() -> None:
    queue = Queue(PrioritySlots(2))
    for number in range(3):
        await queue.add(f"later {number}", False)
    assert queue.started == ["later 0", "later 1"]
    await queue.leave()
    assert queue.started == ["later 0", "later 1", "later 2"]


async def test_reserved_places_are_for_urgent_ones_only() -> None:
    queue = Queue(PrioritySlots(2, reserved=1))
    for name, urgent in [("later 1", False), ("later 2", False), ("now 1", True), ("now 2", True)]:
        await queue.add(name, urgent)
    assert queue.started == ["later 1", "now 1"]
    await queue.leave()  # of later 1: the place that urgent ones may have as well
    assert queue.started == ["later 1", "now 1", "now 2"]
    await queue.leave()
    assert queue.started[3:] == ["later 2"]


async def test_a_share_is_a_share_with_reserved_places_too() -> None:
    queue = Queue(PrioritySlots(2, share=2, reserved=1))
    for name, urgent in [("now", True), ("now", True), ("later", False), *[("now", True)] * 3]:
        await queue.add(name, urgent)
    assert await queue.drain() == ["now", "now", "now", "later", "now", "now"]


async def test_a_waiter_is_promoted() -> None:
    queue = Queue(PrioritySlots(1))
    urgency = Urgency(urgent=False)
    await queue.add("held", True)
    waiting: list[tuple[str, bool | Urgency]] = [("later", False), ("joined", urgency), ("now", True)]
    for name, urgent in waiting:
        await queue.add(name, urgent)
    urgency.promote()
    assert await queue.drain() == ["held", "joined", "now", "later"]


async def test_promotion_opens_a_reserved_place_at_once() -> None:
    queue = Queue(PrioritySlots(1, reserved=1))
    urgency = Urgency(urgent=False)
    await queue.add("joined", urgency)
    assert queue.started == []
    urgency.promote()
    await turns()
    assert queue.started == ["joined"]
    urgency.promote()  # a second time changes nothing
    assert urgency.urgent


async def test_who_was_promoted_at_work_gives_back_what_it_took() -> None:
    queue = Queue(PrioritySlots(2, reserved=1))
    urgency = Urgency(urgent=False)
    await queue.add("joined", urgency)
    urgency.promote()
    await queue.leave()
    for number in range(2):
        await queue.add(f"later {number}", False)
    assert queue.started == ["joined", "later 0"]


@pytest.mark.parametrize("after_it_was_served", [False, True])
async def test_who_leaves_the_queue_takes_no_place(after_it_was_served: bool) -> None:
    queue = Queue(PrioritySlots(1))
    for name in ("held", "leaves", "next"):
        await queue.add(name, True)
    if after_it_was_served:
        queue.places.pop(0).leave()  # it has its place now, and has not woken up
    queue.tasks["leaves"].cancel()
    await turns()
    if not after_it_was_served:
        await queue.leave()
    assert queue.started == ["held", "next"]
    assert queue.tasks["leaves"].cancelled()


async def test_a_place_is_given_back_once() -> None:
    slots = PrioritySlots(1)
    async with slots.place() as place:
        place.leave()
    queue = Queue(slots)
    for name in ("first", "second"):
        await queue.add(name, True)
    assert queue.started == ["first"]
    await queue.drain()


async def test_an_error_gives_the_place_back() -> None:
    slots = PrioritySlots(1)
    for _ in range(2):
        with pytest.raises(LookupError):
            async with slots.place(urgent=False):
                raise LookupError


async def test_who_has_all_they_may_waits_in_nobodys_way() -> None:
    slots = PrioritySlots(4)
    queue = Queue(slots)
    for name in ("a 1", "a 2", "a 3", "b 1", "a 4", "c 1"):
        await queue.add(name, True, [Share(name[0], 2)])
    assert queue.started == ["a 1", "a 2", "b 1", "c 1"]
    assert slots.wanted == 6
    await queue.leave()
    assert queue.started[4:] == ["a 3"]
    await queue.drain()
    assert slots.wanted == 0


async def test_work_counts_for_everybody_whose_it_is() -> None:
    queue = Queue(PrioritySlots(9))
    for name in ("a x 1", "a x 2", "a y 1", "a y 2", "b x 1"):
        project, host, _ = name.split()
        await queue.add(name, True, [Share(project, 2), Share((project, host), 1)])
    assert queue.started == ["a x 1", "a y 1", "b x 1"]


async def test_turns_go_to_whoever_holds_the_fewest() -> None:
    queue = Queue(PrioritySlots(2))
    for name in ("a 1", "a 2", "a 3", "a 4", "b 1"):
        await queue.add(name, True, [Share(name[0], 2)])
    await queue.leave()
    assert queue.started == ["a 1", "a 2", "b 1"]
    await queue.leave()
    assert queue.started[3:] == ["a 3"]


async def test_who_leaves_the_queue_counts_for_nobody() -> None:
    queue = Queue(PrioritySlots(1))
    for name in ("held", "leaves", "next"):
        await queue.add(name, True, [Share("a", 1)])
    queue.places.pop(0).leave()  # "leaves" has its place now, and has not woken up
    queue.tasks["leaves"].cancel()
    await turns()
    assert queue.started == ["held", "next"]
