"""What a client would rather have: a page, or the JSON that programs read."""

from __future__ import annotations

_MOST_RANGES = 50


def prefers_page(accept: str | None) -> bool:
    """Whether an ``Accept`` header asks for a page (RFC 9110, 12.5.1).

    It has to name ``text/html``, and no lower than it names ``application/json``: ``*/*``, as curl and Label
    Studio send, and no header at all mean JSON.
    """
    qualities = {"text/html": 0.0, "application/json": 0.0}
    for media_range in (accept or "").split(",")[:_MOST_RANGES]:
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        if name in qualities:
            qualities[name] = _quality(parameters)
    return 0 < qualities["text/html"] >= qualities["application/json"]


def _quality(parameters: list[str]) -> float:
    """The ``q`` among the parameters of a range, 1 without one and 0 where it is no number of 0 to 1."""
    given = [
        value.strip()
        for name, _, value in (each.partition("=") for each in parameters)
        if name.strip() == "q"
    ]
    if not given:
        return 1.0
    try:
        quality = float(given[0])
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
