"""The body of ``POST /setup``: a project's labeling config, and where it comes from."""

from __future__ import annotations

import msgspec

from protocol.bodies.json_text import decode_body
from protocol.bodies.task import project_id

_WHERE = "the body of /setup"


class SetupBody(msgspec.Struct, frozen=True):
    """Body of ``POST /setup``, without the token in it: what is not read cannot leak."""

    project_id: str = ""
    schema: str = ""
    hostname: str = ""


class _Setup(msgspec.Struct):
    project: int | float | str | None = None
    schema: str | None = None
    hostname: str | None = None


class _SetupToken(msgspec.Struct):
    access_token: str | None = None


_SETUP = msgspec.json.Decoder(_Setup)
_SETUP_TOKEN = msgspec.json.Decoder(_SetupToken)


def read_setup(body: bytes) -> SetupBody:
    """Read the body of ``POST /setup``.

    Raises:
        BadRequest: as ``protocol.bodies.predict.read_predict``.
    """
    wire = decode_body(body, _SETUP, _WHERE)
    return SetupBody(
        project_id=project_id(wire.project, _WHERE),
        schema=wire.schema or "",
        hostname=wire.hostname or "",
    )


def read_setup_token(body: bytes) -> str | None:
    """Label Studio's token in the body of ``POST /setup``, which ``read_setup`` skips.

    Raises:
        BadRequest: as ``read_setup``.
    """
    return decode_body(body, _SETUP_TOKEN, _WHERE).access_token or None
