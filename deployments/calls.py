"""How one deployment calls another: in a fresh context, with a deadline, again when a replica died."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from ray.exceptions import ObjectLostError, RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from values.errors import DeadlineExceeded, ModelError, Overloaded

# A replica that dies takes the requests it had accepted with it, and Serve does not send those again.
LOST = (RayActorError, ObjectLostError)


async def call(send: Callable[[], Any], *, timeout_s: float, what: str) -> Any:
    """The answer to ``send()``, which makes one ``handle.method.remote(...)``.

    Every call runs in an empty :class:`contextvars.Context`: Serve keeps the id of the request there, and
    concurrent calls that share an id hang in the consistent-hash router.

    ``what`` names the work in the sentence of an error. A caller who is cancelled cancels the call.

    Raises:
        DeadlineExceeded: no answer in ``timeout_s`` seconds, deaths of replicas included.
        Overloaded: the deployment has too much waiting.
        ModelError: the deployment cannot run.
        ServiceError: whatever the callee raised, without Ray's wrapping.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(LOST),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(timeout_s),
        reraise=True,
    )
    try:
        async with asyncio.timeout_at(deadline):
            return await retrying(_in_fresh_context, send, what)
    except TimeoutError as error:
        raise DeadlineExceeded(f"{what} took longer than {timeout_s:g} s; try again in a moment") from error
    except LOST as error:
        raise Overloaded(f"{what} failed because its replicas keep dying; see the Ray dashboard") from error


async def _in_fresh_context(send: Callable[[], Any], what: str) -> Any:
    task = asyncio.create_task(_once(send, what), context=contextvars.Context())
    return await task


async def _once(send: Callable[[], Any], what: str) -> Any:
    response = send()
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()
        raise
    except BackPressureError as error:
        raise Overloaded(f"{what} has too much waiting; try again in a moment") from error
    except DeploymentUnavailableError as error:
        raise ModelError(f"{what} cannot run: its deployment failed; see `serve status`") from error
    except RayTaskError as error:
        raise _cause(error) from None


def _cause(error: BaseException) -> BaseException:
    """What the callee raised: Ray wraps it once for every deployment it passed."""
    while isinstance(error, RayTaskError):
        error = error.cause
    return error
