"""Whether parts of the backend answer on this machine: the health check of containers, standard library only.

    python cluster/healthcheck.py                        the backend's /health on PORT, with basic auth if set
    python cluster/healthcheck.py URL [URL ...]          each URL must answer 200

Exit status 0 when all answer, 1 with a sentence otherwise.
"""

from __future__ import annotations

import base64
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

TIMEOUT_S = 4.0


def default_url(environment: Mapping[str, str]) -> str:
    """The backend's own /health."""
    return f"http://127.0.0.1:{environment.get('PORT') or 9090}/health"


def headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Basic auth, which the backend asks for on every route where it is set."""
    user, password = environment.get("BASIC_AUTH_USER"), environment.get("BASIC_AUTH_PASS")
    if user and password:
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}
    return {}


def answers(url: str, sent: Mapping[str, str]) -> str:
    """An empty string when ``url`` answers 200, otherwise what it did instead."""
    # No proxy: one that the environment names must not answer for this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(url, headers=dict(sent))  # noqa: S310
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return "" if response.status == 200 else f"{url} answered {response.status}"
    except urllib.error.HTTPError as error:
        return f"{url} answered {error.code}"
    except (OSError, ValueError, HTTPException) as error:
        return f"{url} does not answer: {error}"


def main(urls: list[str], environment: Mapping[str, str]) -> int:
    """The exit status."""
    # Only the backend's own route gets the credentials: Ray's health routes ask for none.
    asked: list[tuple[str, dict[str, str]]] = [(url, {}) for url in urls] or [
        (default_url(environment), headers(environment))
    ]
    said = [answers(url, sent) for url, sent in asked]
    failed = [sentence for sentence in said if sentence]
    for sentence in failed:
        sys.stderr.write(sentence + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
