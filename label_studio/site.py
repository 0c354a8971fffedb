"""Label Studio's own addresses: which values name a file of it, under whatever spelling, and where that is.

As Label Studio 1.23 has them: uploads at ``/data/upload/<project>/<name>``, local files at
``/data/local-files/?d=<path>``, and objects of cloud storages at ``/tasks/<id>/presign/?fileuri=<base64>``.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import httpx

from label_studio.api import Address
from label_studio.options import LabelStudioOptions
from net.addresses import ForbiddenUrl, Origin, parse_url
from values.errors import ImageForbidden

_FILE_ROUTE = re.compile(r"/(data|storage-data)/|/(tasks|projects)/\d+/(presign|resolve)/")
_LOCAL_FILES = "/data/local-files"
_HANDED_OUT = re.compile(r"/(tasks|projects)/\d+/(presign|resolve)/?$")
# A path prefix that LABEL_STUDIO_URL does not mention; Label Studio's API is not one.
_PREFIX = re.compile(r"(/(?!api/)[\w.~-]+){1,3}?(?=/data/|/storage-data/|/(tasks|projects)/\d+/)")


@dataclass(frozen=True, slots=True)
class Site:
    """One Label Studio: ``base`` is where it is reached, ``aliases`` what others call the same one."""

    base: httpx.URL
    aliases: tuple[httpx.URL, ...] = field(default=())

    @classmethod
    def of(cls, options: LabelStudioOptions) -> Site | None:
        """The Label Studio of the settings, or None without LABEL_STUDIO_URL."""
        if options.label_studio_url is None:
            return None
        aliases = tuple(parse_url(alias) for alias in options.label_studio_aliases)
        return cls(parse_url(options.label_studio_url), aliases)

    @property
    def origin(self) -> Origin:
        """Scheme, host and port that the token is for."""
        return Origin.of(self.base)

    @property
    def address(self) -> Address:
        """The same for a sentence."""
        return Address(str(self.origin), "LABEL_STUDIO_URL")

    @property
    def prefix(self) -> str:
        """The path in front of all routes, "" or ``/studio``."""
        return self.base.path.rstrip("/")

    def url(self, path: str) -> httpx.URL:
        """The address of a path, which may or may not begin with the prefix. Raises ImageForbidden."""
        path = path if path.startswith("/") else f"/{path}"
        rest = path.removeprefix(self.prefix) if path.startswith(f"{self.prefix}/") else path
        try:
            return parse_url(f"{str(self.base).rstrip('/')}{rest}")
        except ForbiddenUrl as error:
            raise ImageForbidden(f"Label Studio has no such address: {error}") from None

    def own(self, url: httpx.URL) -> httpx.URL | None:
        """Where ``url`` is reached, when it names a file of this Label Studio by any of its names; else None.

        Another name is one of the aliases, or the same host under the other scheme, as behind a proxy that
        ends TLS. What comes back is always at ``origin``: the token goes nowhere else.
        """
        for name in (self.base, *self.aliases):
            if _same_host(url, name):
                path, prefix = url.raw_path.decode("ascii"), name.path.rstrip("/")
                return self._file(path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path)
        return None

    def is_named(self, address: str) -> bool:
        """Whether ``address``, a host with or without a path, is one of this Label Studio's."""
        try:
            origin = Origin.of(parse_url(address))
        except ForbiddenUrl:
            return False
        return any(origin == Origin.of(name) for name in (self.base, *self.aliases))

    def serves(self, url: httpx.URL) -> bool:
        """Whether ``url``, at this origin, is a route that serves files.

        Only those are asked with the token, not Label Studio's API: who writes a task must not make us call
        anything else in the operator's name. Raises ImageForbidden for one that may be another route than it
        looks like.
        """
        path = url.path.removeprefix(self.prefix)
        if Origin.of(url) != self.origin:
            return False
        # Whoever answers there may decode once more than we do.
        if ".." in unquote(url.path).split("/"):
            raise ImageForbidden("its address has .. in it")
        if not url.path.startswith(f"{self.prefix}/"):
            return False
        if not self.prefix and (prefix := _PREFIX.match(path)):
            path = path[prefix.end() :]
        return _FILE_ROUTE.match(path) is not None

    def hands_out(self, uri: str, task: int | None) -> httpx.URL | None:
        """Where Label Studio gives the object ``uri`` (``s3://...``) of a task, with its own credentials."""
        if task is None:
            return None
        encoded = base64.urlsafe_b64encode(uri.encode()).decode("ascii")
        return self.url(f"/tasks/{task}/presign/?fileuri={encoded}")

    def _file(self, path: str) -> httpx.URL | None:
        found = self.url(path)
        return found if self.serves(found) else None


def local_path(url: httpx.URL) -> str | None:
    """The file that a local-files address names, or None for any other address. Raises ImageForbidden."""
    if not url.path.rstrip("/").endswith(_LOCAL_FILES):
        return None
    named = [value for name, value in parse_qsl(url.query.decode("ascii")) if name == "d"]
    if len(named) != 1:
        raise ImageForbidden("its local-files address must name exactly one file (?d=...)")
    return named[0]


def handed_out(url: httpx.URL) -> str | None:
    """The object, ``s3://...``, that a presign or resolve address of Label Studio names, or None."""
    if _HANDED_OUT.search(url.path) is None:
        return None
    named = [value for name, value in parse_qsl(url.query.decode("ascii")) if name == "fileuri"]
    try:
        return base64.urlsafe_b64decode(named[0] + "=" * (-len(named[0]) % 4)).decode() if named else None
    except ValueError:
        return None


def _same_host(url: httpx.URL, name: httpx.URL) -> bool:
    one, other = Origin.of(url), Origin.of(name)
    return one == other or (one.host == other.host and one.scheme != other.scheme)
