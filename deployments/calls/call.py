"""How one deployment calls another: in a fresh context, with a deadline, again when it is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    RayActorError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from concurrency.detached import detached
from concurrency.single_flight import Flight
from values.errors import DeadlineExceeded, DeviceFailed, ModelError, OtherVersion, Overloaded, ServiceError
from values.priority import Priority

# A replica that dies or is stopped takes the requests it had accepted with it, and what it had put into the
# object store. Serve does not send those again.
LOST = (RayActorError, ObjectLostError, WorkerCrashedError, NodeDiedError, TaskCancelledError)
AGAIN = (*LOST, OtherVersion, DeviceFailed)

DEVICE_S = 10.0
"""For so long replicas with another device, or a new one in place of a broken one, are tried."""

T = TypeVar("T")


async def call(
    send: Callable[[], Any], *, timeout_s: float, what: str, other_version_s: float = float("inf")
) -> Any:
    """The answer to ``send()``, which makes one ``handle.method.remote(...)``.

    Sent again when a replica was lost with it, also one behind the one that was called; when the replica that
    answered serves another version of the model, for at most ``other_version_s`` seconds; and when its device
    failed, for ``DEVICE_S``.

    Every call runs in a context of its own: Serve keeps an internal id of the request there, and concurrent
    calls that share it hang in the consistent-hash router. The id in logs, and the span, are kept.

    ``what`` names the work in the sentence of an error. A caller who is cancelled cancels the call.

    Raises:
        DeadlineExceeded: no answer in ``timeout_s`` seconds, deaths of replicas included.
        Overloaded: the deployment has too much waiting.
        OtherVersion: only replicas of another version answered.
        DeviceFailed: only replicas with a broken device answered.
        ModelError: the deployment cannot run.
        ServiceError: whatever the callee raised, without Ray's wrapping.
    """

    def gives_up(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        limits = {OtherVersion: other_version_s, DeviceFailed: DEVICE_S}
        limit = next((limit for kind, limit in limits.items() if isinstance(error, kind)), timeout_s)
        return (state.seconds_since_start or 0.0) >= limit

    retrying = AsyncRetrying(
        retry=retry_if_exception(_is_lost),
        wait=wait_random_exponential(multiplier=0.05, max=0.5),
        stop=gives_up,
        reraise=True,
    )
    try:
        async with asyncio.timeout(timeout_s):
            return await retrying(_in_fresh_context, send, what)
    except TimeoutError as error:
        raise DeadlineExceeded(f"{what} took longer than {timeout_s:g} s; try again in a moment") from error
    except ServiceError:
        raise
    except Exception as error:
        if _is_lost(error):
            raise Overloaded(
                f"{what} failed because its replicas keep dying; see the Ray dashboard"
            ) from error
        raise


async def _in_fresh_context(send: Callable[[], Any], what: str) -> Any:
    task = asyncio.create_task(_once(send, what), context=detached())
    return await task


async def _once(send: Callable[[], Any], what: str) -> Any:
    response = send()
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()
        raise
    except BackPressureError as error:
        raise Overloaded(f"too much is waiting for {what}; try again in a moment") from error
    except DeploymentUnavailableError as error:
        raise ModelError(f"{what} cannot run: its deployment failed; see `serve status`") from error
    except RayTaskError as error:
        raise _cause(error) from None


def _is_lost(error: BaseException) -> bool:
    """Whether a replica, or what it held, was lost anywhere along the call.

    Serve reports the death of a replica that the called one depended on as an error of its own, with the
    death as its cause. What one of ours has judged already is not judged anew.
    """
    return any(isinstance(each, AGAIN) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, ServiceError):
            return
        error = error.cause if isinstance(error, RayTaskError) else error.__cause__


def _cause(error: BaseException) -> BaseException:
    """What the callee raised: Ray wraps it once for every deployment it passed."""
    while isinstance(error, RayTaskError):
        error = error.cause
    return error


async def prioritised(flight: Flight, send: Callable[[Priority], Coroutine[Any, Any, T]]) -> T:
    """What ``send(priority)`` returns, sent once more whenever the flight's priority changes.

    The other side shares one piece of work among those who ask for the same, and takes the most urgent one's
    priority. So a call for a higher priority joins those before it; for a lower one the higher ones end.
    """
    calls: dict[Priority, asyncio.Task[T]] = {}
    try:
        while True:
            priority = flight.priority
            if priority not in calls:
                calls[priority] = asyncio.ensure_future(send(priority))
            for higher in [each for each in calls if each < priority]:
                calls.pop(higher).cancel()
            await _any(flight.priority_differs_from(priority), *calls.values())
            for asked in [each for each, task in calls.items() if task.done()]:
                # One that failed while another is under way says nothing yet: it may have been refused.
                if len(calls) == 1 or calls[asked].exception() is None:
                    return calls[asked].result()
                del calls[asked]
    finally:
        for task in calls.values():
            task.cancel()


async def _any(change: Coroutine[Any, Any, None], *calls: asyncio.Task[T]) -> None:
    """Wait until the change has come or one of the calls is done."""
    changing = asyncio.ensure_future(change)
    try:
        await asyncio.wait({changing, *calls}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        changing.cancel()
