"""What differs between clouds: their variables, and what their refusals mean.

Errors complete the sentence "cannot read the image of task 42: ...". They name the bucket and the variables
that tell where and how it is read, never the address, the body of an answer or a credential.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from net.tls import TRUST
from values.errors import (
    ImageError,
    ImageMissing,
    ImageTimeout,
    ImageTooLarge,
    ImageUnauthorized,
    ImageUnreachable,
    ServiceError,
)
from values.exhaustion import is_want, out_of

_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, for a temporary key)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "azure-blob": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}
_ADDRESS = {
    "s3": "AWS_REGION and AWS_ENDPOINT_URL",
    "gs": "GOOGLE_BASE_URL",
    "azure-blob": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT",
}
_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_", "SERVICE_ACCOUNT")

# Errors of obstore 0.12 have no fields, but end with Rust's debugging text. What comes from a key or from the
# store is quoted there, with its line breaks escaped, so these patterns match only obstore's own words.
_ASKED = re.compile(r"^ +uri: Some\(\n +(\S+),$", re.MULTILINE)
_STATUS = re.compile(r"^ +status: (\d{3}),$", re.MULTILINE)
_SYSTEM = re.compile(r"^ +(?:source: )?Os \{\n +code: (\d{1,9}),$", re.MULTILINE)
_CERTIFICATE = re.compile(r"^ +error: InvalidCertificate\($", re.MULTILINE)


def variable(*names: str) -> str | None:
    """The first of these environment variables that is set and not blank."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def is_on(*names: str) -> bool:
    """Whether the first of these environment variables that is set says yes."""
    return (variable(*names) or "").lower() in {"1", "true", "on", "yes", "y"}


def status_in(error: Exception) -> int | None:
    """The HTTP status in an error of obstore; None where the store did not answer."""
    status = _STATUS.search(_debugging_text(error))
    return int(status[1]) if status else None


def _debugging_text(error: Exception) -> str:
    return str(error).rpartition("\nDebug source:\n")[2]


@contextmanager
def without_blank_variables() -> Iterator[None]:
    """Hide from obstore the clouds' variables that are set but empty, as Compose files leave them.

    obstore takes them for values: an empty session token or endpoint makes every request fail.
    """
    blank = {
        name: value for name, value in os.environ.items() if name.startswith(_PREFIXES) and not value.strip()
    }
    for name in blank:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(blank)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and the errors about it. ``scheme``: s3, gs or azure-blob."""

    scheme: str
    name: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.name}"

    @property
    def address(self) -> str:
        """The variables that tell where it is."""
        return _ADDRESS[self.scheme]

    @property
    def credentials(self) -> str:
        """The variables that hold its credentials."""
        return _CREDENTIALS[self.scheme]

    def no_credentials(self) -> ImageUnauthorized:
        """There are no credentials, or none that can be used."""
        return ImageUnauthorized(
            f"there are no usable credentials for {self}; set {self.credentials} where the fetchers "
            "run, or give that machine an identity that may read it"
        )

    def answered(self, status: int) -> ImageError:
        """What an answer without an object means."""
        if status == 404:
            return ImageMissing(f"{self} has no such object")
        if status in {401, 403}:
            # S3 answers 403 for a missing object when the credentials may not list the bucket.
            hidden = ", or it has no such object" if self.scheme == "s3" else ""
            return ImageUnauthorized(
                f"{self} answered {status}: the credentials may not read this object{hidden}; check "
                f"{self.credentials} where the fetchers run"
            )
        if status == 409 and self.scheme == "azure-blob":
            return ImageUnauthorized(
                f"{self} answered 409: it is not public; set {self.credentials} where the fetchers run"
            )
        if status < 500:
            return ImageUnreachable(
                f"{self} answered {status}, as for a bucket of another region or address or for a key that "
                f"has expired; check {self.address} and {self.credentials} where the fetchers run"
            )
        return ImageUnreachable(f"{self} answered {status}; that is an error of the store, try again later")

    def unreachable(self) -> ImageUnreachable:
        """No connection, or no usable answer."""
        return ImageUnreachable(
            f"no usable answer from {self}; check {self.address}, and that the store can be reached from "
            "where the fetchers run"
        )

    def misplaced(self, why: str) -> ImageUnreachable:
        """A variable gives an address that cannot be one; ``why`` begins "its URL ..."."""
        return ImageUnreachable(
            f"the address of {self} cannot be used: {why}; check {self.address} where the fetchers run"
        )

    def silent(self, seconds: float) -> ImageTimeout:
        """It stopped sending."""
        return ImageTimeout(f"{self} was silent for {seconds:g} s")

    def slow(self, seconds: float) -> ImageTimeout:
        """It kept sending, but for too long."""
        return ImageTimeout(f"{self} did not send it within {seconds:g} s in all")

    def too_large(self, max_mib: float) -> ImageTooLarge:
        """More bytes than allowed."""
        return ImageTooLarge(
            f"{self} sends more than {max_mib:.3g} MiB; raise MAX_IMAGE_MIB if it should be read"
        )

    def failed(self, error: Exception) -> ServiceError:
        """Our error for an error of obstore, whose own text holds addresses and bodies and is not shown."""
        said = _debugging_text(error)
        system = _SYSTEM.search(said)
        if system is not None and is_want(int(system[1])):
            return out_of(int(system[1]), "reading from stores")
        if _CERTIFICATE.search(said):
            return ImageUnreachable(f"the certificate of {self} cannot be trusted; {TRUST}")
        asked = _ASKED.search(said)
        if asked is not None and f"/{self.name}/" not in asked[1]:
            # The request went to whoever hands out credentials, not to the store.
            return self.no_credentials()
        if status := status_in(error):
            return self.answered(status)
        if "kind: Timeout" in said:
            return ImageTimeout(f"{self} did not answer in time")
        return self.unreachable()
