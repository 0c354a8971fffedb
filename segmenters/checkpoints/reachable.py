"""Whether a publisher can be reached from here, in bounded time."""

from __future__ import annotations

from concurrency.abandonable import begin_abandonable
from net.file_client import FileClient, NoAnswer
from values.errors import ModelError


def unreachable(url: str, timeout_s: float = 5.0) -> str | None:
    """Why a HEAD request for ``url`` has no answer of 2xx after redirects, in a few words; None if it has.

    Takes ``timeout_s`` at most, whatever the resolver, a proxy or the server does.
    """
    # Nothing can interrupt a resolver, or a server that sends a byte now and then.
    asking = begin_abandonable(lambda: _asked(url, timeout_s), "reachable")
    try:
        return asking.result(timeout_s)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"


def _asked(url: str, timeout_s: float) -> str | None:
    try:
        with (
            FileClient(connect_s=timeout_s, stall_s=timeout_s) as client,
            client.ask("HEAD", url) as answer,
        ):
            return None if 200 <= answer.status < 300 else f"it answers {answer.status}"
    except NoAnswer as error:
        return str(error)
    except ModelError as error:
        return error.detail
    except Exception as error:  # a thread's traceback would reach nobody
        return f"it cannot be asked ({type(error).__name__})"
