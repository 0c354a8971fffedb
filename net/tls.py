"""Why a TLS handshake with a host failed, and what to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import anyio

from net.addresses import Origin
from values.errors import ImageUnreachable

TRUST = (
    "name a file with the certificate of that authority in SSL_CERT_FILE, or a folder of them in "
    "SSL_CERT_DIR, where images are read"
)
# Numbers of OpenSSL's X509_V_ERR_*, which Python gives without names.
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 24, 27})
_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"})


class TlsFailed(ImageUnreachable):
    """The host was reached, but the TLS handshake failed."""


def is_tls(error: BaseException) -> bool:
    """Whether TLS failed, and not the connection below it."""
    # anyio raises EndOfStream when a host closes the connection in the middle of the handshake.
    return any(isinstance(cause, ssl.SSLError | anyio.EndOfStream) for cause in _chain(error))


def tls_failed(error: BaseException, origin: Origin) -> TlsFailed:
    """The error for a failure of which ``is_tls`` says yes."""
    failure = next((cause for cause in _chain(error) if isinstance(cause, ssl.SSLError)), None)
    return TlsFailed(_said(failure, origin))


def _said(failure: ssl.SSLError | None, origin: Origin) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"the certificate of {origin} {_of_certificate(failure)}"
    reason = getattr(failure, "reason", None) or ""
    if reason in _NO_TLS:
        return (
            f"{origin} does not speak TLS at that port; write http:// in front of its address, or name the "
            "port for https://"
        )
    if failure is None or isinstance(failure, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return f"{origin} broke off the TLS handshake; check that it speaks https:// at that port"
    spelled = reason.replace("_", " ").lower() or "for no reason that it gives"
    return (
        f"the TLS handshake with {origin} failed ({spelled}); it may ask for a certificate of ours, or for a "
        "version of TLS that is not spoken here"
    )


def _of_certificate(failure: ssl.SSLCertVerificationError) -> str:
    match failure.verify_code:
        case 18:
            return f"is self-signed; {TRUST}"
        case code if code in _UNKNOWN_AUTHORITY:
            return f"is signed by an authority that is not known here; {TRUST}"
        case code if code == _EXPIRED:
            return "has expired; it must be renewed there"
        case code if code == _NOT_YET:
            return "is not valid yet; check the clocks of both machines"
        case code if code in {_OTHER_NAME, _OTHER_ADDRESS}:
            return "is made for another name than that of this address; use the name that it is made for"
        case _:
            return f"cannot be trusted ({failure.verify_message}); {TRUST}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
