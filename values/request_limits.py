"""What a request may bring, and in what time it has to come: in HAProxy and in Serve's own servers."""

from __future__ import annotations

import re

HEAD_S = 10
"""Seconds for the head of a request. It is one packet or a few, and holds a connection until it is there."""

BODY_S = 30
"""Seconds for the body of a request; a large one may take longer, as long as it comes at ``BODY_RATE``."""

BODY_RATE = 64 * 1024
"""Bytes a second, half a megabit: over a slower line nobody annotates."""

SILENCE_S = 30
"""Seconds in which a client neither sends what it has begun nor takes what it is sent."""

CLIENT = "x-client-address"
"""The header in which HAProxy says from where a request comes, in place of whatever the request says."""

# By these Serve lets whoever sends a request choose its time limit, its replica, its trace and its id. Serve
# reads - and _ as the same, and expects UTF-8.
CONTROL_HEADERS = (
    "x-request-timeout-seconds",
    "x-request-disconnect-disabled",
    "x-request-id",
    "x-session-id",
    "serve-multiplexed-model-id",
    "traceparent",
    "tracestate",
)
CONTROL_PREFIX = "x-serve-router-"

_names = "|".join(each.replace("-", "[-_]") for each in CONTROL_HEADERS)
CONTROL = rf"^({_names}|{CONTROL_PREFIX.replace('-', '[-_]')}.*)$"
"""A pattern for the names, in small letters, of all headers that are no client's to send."""

FORWARDED = re.compile(rb"forwarded|via|x-real-ip|x-forwarded-.*")
"""Names of headers by which a proxy says that a request is not its own."""

TOO_SLOW = (
    f"the head of a request has to come within {HEAD_S} s and its body within {BODY_S} s, or at "
    f"{BODY_RATE // 1024} KiB a second: this one did not; send it again over a faster line"
)

NO_ROUTE = "there is no such path; docs/protocol.md has those that there are"
