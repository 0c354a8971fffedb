"""Calls between deployments: deadlines, dead replicas, refusals, and errors without Ray's wrapping."""

import asyncio
import contextvars
from typing import Any

import pytest
from ray.exceptions import (
    ActorDiedError,
    NodeDiedError,
    OwnerDiedError,
    RayTaskError,
    WorkerCrashedError,
)
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    RequestCancelledError,
)

from deployments.calls import call as calls
from deployments.calls.call import call
from testing.deployment_fakes import Handle, Response, forever
from values.errors import (
    DeadlineExceeded,
    DeviceFailed,
    ImageMissing,
    ModelError,
    OtherVersion,
    Overloaded,
    ServiceError,
)


def raising(*errors: Exception) -> Handle:
    """A handle that raises these errors one after another and then answers "done"."""
    left = list(errors)

    async def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return Handle({"work": work})


def wrapped(cause: Exception) -> RayTaskError:
    error: RayTaskError = RayTaskError("work", "Traceback", cause).as_instanceof_cause()
    return error


async def answer(handle: Handle, timeout_s: float = 60) -> Any:
    return await call(lambda: handle.work.remote(), timeout_s=timeout_s, what="the work")


async def test_an_answer() -> None:
    assert await answer(raising()) == "done"


async def test_a_dead_replica_is_asked_again() -> None:
    handle = raising(ActorDiedError(), ActorDiedError())
    assert await answer(handle) == "done"
    assert len(handle.responses) == 3


def upstream_death() -> RayServeException:
    """As Serve says that a deployment which the called one waits for has died."""
    error = RayServeException("an upstream actor died before finishing a dependent task")
    error.__cause__ = ActorDiedError()
    return error


@pytest.mark.parametrize(
    "lost",
    [
        upstream_death(),
        wrapped(ActorDiedError()),
        OwnerDiedError("ab", None, "a line"),
        RequestCancelledError("stopped"),
        NodeDiedError("gone"),
        WorkerCrashedError(),
        OtherVersion("the old one"),
        DeviceFailed("CUDA error"),
        wrapped(OtherVersion("the old one")),
    ],
    ids=repr,
)
async def test_what_was_lost_on_the_way_is_asked_again(lost: Exception) -> None:
    handle = raising(lost)
    assert await answer(handle) == "done"
    assert len(handle.responses) == 2


async def test_what_one_of_ours_has_judged_is_not_judged_anew() -> None:
    verdict = ImageMissing("no image")
    verdict.__cause__ = ActorDiedError()
    handle = raising(verdict)
    with pytest.raises(ImageMissing):
        await answer(handle)
    assert len(handle.responses) == 1


async def test_another_version_is_waited_for_as_long_as_the_caller_says() -> None:
    async def work() -> None:
        raise OtherVersion("the old one")

    handle = Handle({"work": work})
    with pytest.raises(OtherVersion):
        await call(lambda: handle.work.remote(), timeout_s=60, what="the work", other_version_s=0)


async def test_a_device_that_stays_broken_is_said_before_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        raise DeviceFailed("CUDA error")

    monkeypatch.setattr(calls, "DEVICE_S", 0.0)
    with pytest.raises(DeviceFailed, match="CUDA error"):
        await answer(Handle({"work": work}))


async def test_replicas_that_keep_dying_are_given_up() -> None:
    async def work() -> None:
        raise ActorDiedError

    with pytest.raises((DeadlineExceeded, Overloaded)):
        await answer(Handle({"work": work}), timeout_s=0.05)


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (BackPressureError(num_queued_requests=1, max_queued_requests=1), Overloaded),
        (DeploymentUnavailableError("it failed"), ModelError),
        (ImageMissing("no image"), ImageMissing),
        (wrapped(ImageMissing("no image")), ImageMissing),
        (wrapped(wrapped(ImageMissing("no image"))), ImageMissing),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
async def test_what_is_raised_and_what_is_seen(raised: Exception, seen: type[ServiceError]) -> None:
    with pytest.raises(ServiceError) as caught:
        await answer(raising(raised))
    assert type(caught.value) is seen
    if seen is ImageMissing:
        assert caught.value.detail == "no image"


async def test_a_deadline_cancels_the_call() -> None:
    handle = Handle({"work": forever})
    with pytest.raises(DeadlineExceeded, match=r"the work took longer than 0\.01 s"):
        await answer(handle, timeout_s=0.01)
    assert [response.cancelled for response in handle.responses] == [True]


async def test_a_caller_who_leaves_cancels_the_call() -> None:
    handle = Handle({"work": forever})
    caller = asyncio.create_task(answer(handle))
    while not handle.responses:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert [response.cancelled for response in handle.responses] == [True]


async def test_each_call_has_a_context_of_its_own() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
    request.set("the id that concurrent calls must not share")
    seen: list[str] = []

    async def work() -> None:
        seen.append(request.get())

    def send() -> Response:
        seen.append(request.get())
        return Response(work())

    await call(send, timeout_s=60, what="the work")
    assert seen == ["none", "none"]
