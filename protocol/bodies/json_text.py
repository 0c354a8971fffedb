"""JSON from outside: decoded within bounds, and refused with the place where it is wrong."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from values.errors import BadRequest

TEXT_LIMIT = 300
"""Characters of a name or a label, which each region of an answer repeats, and of a login or a password."""

Short: TypeAlias = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]

ABSENT = msgspec.Raw(b"null")
"""What stands for a value that is not there."""

T = TypeVar("T")


def decode(data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], where: str, path: str = "$") -> T:
    """JSON ``data`` through ``decoder``. ``where`` names it in the sentence, ``path`` is its JSON path.

    Raises:
        BadRequest: not JSON (NaN and Infinity are not), not of the decoder's type, nested deeper than the
            interpreter's stack, or a number too large for a double.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `")
        at = path + place.rstrip("`").removeprefix("$")
        raise BadRequest(f"{where}: {_lower(problem)} at {at}") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{where} is not UTF-8; send JSON encoded as UTF-8") from None
    except msgspec.DecodeError as error:
        raise BadRequest(
            f"{where} is not JSON: {_lower(str(error).removeprefix('JSON is malformed: '))}"
        ) from None
    except RecursionError:
        raise BadRequest(f"{where} is nested too deeply; a request needs fewer than 100 levels") from None


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T], where: str) -> T:
    """A whole body. Raises BadRequest as ``decode`` does, and where there is none."""
    if not body:
        raise BadRequest(f"{where} is empty; send a JSON object")
    return decode(body, decoder, where)


class ArrayLimit:
    """Tells whether the array ``key`` of an object has more than ``limit`` objects, and stops behind them.

    The ``max_length`` of msgspec counts what has become Python objects, however many those are.
    """

    def __init__(self, key: str, limit: int) -> None:
        items = [(f"item_{number}", msgspec.Raw, ABSENT) for number in range(limit)]
        array = msgspec.defstruct("Items", items, array_like=True, forbid_unknown_fields=True)
        whole = msgspec.defstruct("Few", [(key, array | None, None)])
        self._limit = limit
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(whole)

    def holds(self, data: bytes | memoryview) -> bool:
        """Whether ``data`` keeps to it; what has no such array is not judged."""
        if bytes(data).count(b"{") <= self._limit:
            return True
        try:
            self._decoder.decode(data)
        except msgspec.ValidationError as error:
            return "at most length" not in str(error)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        return True


def _lower(problem: str) -> str:
    return problem[:1].lower() + problem[1:]
