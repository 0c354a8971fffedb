"""A device that is out of order is told from an input that is, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.device_health import APART_S, FAILURES, DeviceHealth
from values.errors import DeviceFailed, ModelError

ERROR = DeviceFailed("CUDA error: unspecified launch failure")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def broken() -> None:
    raise DeviceFailed("CUDA error: it fails blank images too")


def whole() -> None:
    """Computes."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> DeviceHealth:
    return DeviceHealth(clock)


@pytest.fixture
def device() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def fail(health: DeviceHealth, clock: Clock, times: int, probe: Callable[[], None] = broken) -> None:
    for _ in range(times):
        clock.now += APART_S
        health.judged(ERROR, probe)


def finished(device: ThreadPoolExecutor) -> None:
    """All that the device was given is done."""
    device.submit(whole).result()


def test_a_device_that_fails_again_and_again_is_out_of_order(
    health: DeviceHealth, clock: Clock, device: ThreadPoolExecutor
) -> None:
    fail(health, clock, FAILURES - 1)
    health.check(device)
    fail(health, clock, 1)
    with pytest.raises(DeviceFailed, match=f"failed {FAILURES} times in a row.*blank images too"):
        health.check(device)


def test_its_error_is_passed_on(health: DeviceHealth) -> None:
    assert health.judged(ERROR, broken) is ERROR


def test_what_computes_others_is_healthy_however_often_one_image_is_sent(
    health: DeviceHealth, clock: Clock, device: ThreadPoolExecutor
) -> None:
    fail(health, clock, 2 * FAILURES, whole)
    health.check(device)
    said = health.judged(ERROR, whole)
    assert type(said) is ModelError
    assert "this image" in said.detail
    assert ERROR.detail in said.detail


def test_a_success_in_between_starts_the_count_anew(
    health: DeviceHealth, clock: Clock, device: ThreadPoolExecutor
) -> None:
    for _ in range(FAILURES):
        fail(health, clock, FAILURES - 1)
        health.worked()
    health.check(device)


def test_the_images_of_one_batch_are_one_failure(
    health: DeviceHealth, clock: Clock, device: ThreadPoolExecutor
) -> None:
    clock.now += APART_S
    for _ in range(8):
        health.judged(ERROR, broken)
        clock.now += APART_S / 100
    health.check(device)


def test_a_device_that_nobody_calls_any_more_is_tried_by_the_health_check(
    health: DeviceHealth, clock: Clock, device: ThreadPoolExecutor
) -> None:
    fail(health, clock, 1)
    for _ in range(FAILURES - 1):
        clock.now += APART_S
        health.check(device)
        finished(device)
    with pytest.raises(DeviceFailed):
        health.check(device)


def test_a_device_that_recovers_is_healthy_again(
    health: DeviceHealth, clock: Clock, device: ThreadPoolExecutor
) -> None:
    probes = iter([broken, whole])
    clock.now += APART_S
    health.judged(ERROR, lambda: next(probes)())
    health.check(device)
    finished(device)
    fail(health, clock, FAILURES - 1)
    health.check(device)


def test_a_healthy_device_is_not_tried(health: DeviceHealth, device: ThreadPoolExecutor) -> None:
    tried: list[None] = []
    health.judged(ERROR, lambda: tried.append(None))
    health.check(device)
    finished(device)
    assert len(tried) == 1
