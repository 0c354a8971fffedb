"""Redirects of a public host that the attacker owns; ``leads`` are its answers, one a request."""

from __future__ import annotations

from tests.imaging.hostile.hostile import MARK, Hostile
from values.errors import ImageMissing, ImageUnauthorized, ImageUnreachable

_START = f"http://evil.test/a.png?{MARK}"


def _leads(tries: str, *leads: str) -> Hostile:
    return Hostile(_START, tries, leads=leads)


REDIRECTS = [
    _leads("loopback", f"http://127.0.0.1/{MARK}"),
    _leads("loopback over TLS", f"https://127.0.0.1/{MARK}"),
    _leads("a service at its real port", f"http://{{inside}}/{MARK}"),
    _leads("a service on the IPv6 loopback", f"http://{{inside6}}/{MARK}"),
    _leads("loopback in decimal", "http://2130706433/"),
    _leads("a short loopback address", "http://127.1/"),
    _leads("loopback mapped into IPv6", "http://[::ffff:127.0.0.1]/"),
    _leads("metadata", f"http://169.254.169.254/latest/meta-data/{MARK}"),
    _leads("metadata by name", "http://metadata.google.internal/"),
    _leads("a private network", "http://10.0.0.5/"),
    _leads("a private network by name", "http://ten.test/"),
    _leads("a name with a public address and a private one", "http://mixed.test/"),
    _leads("no scheme", "//127.0.0.1/a.png"),
    _leads("a backslash", "/\\127.0.0.1/a.png"),
    _leads("backslashes", "\\\\127.0.0.1\\a.png"),
    _leads("a user", "http://evil.test@127.0.0.1/"),
    _leads("a tab", "http://127.0.0.1\t/"),
    _leads("a file", "file:///etc/passwd"),
    _leads("a data: URL", f"data:image/png;base64,{MARK}"),
    _leads("a script", "javascript:alert(1)"),
    _leads("another protocol", "gopher://127.0.0.1:6379/_x"),
    _leads("a cloud's object", "s3://evil-bucket/a.png"),
    _leads("another port of itself", "http://evil.test:22/"),
    _leads("itself and then inside", "/b.png", "/c.png", "http://127.0.0.1/"),
    _leads("another public host and then inside", "http://evil6.test/", "http://unique.test/"),
    _leads("inside as the last step", *["/b.png"] * 4, "http://127.0.0.1/"),
    Hostile("http://rebind.test/a.png", "the same name, which then is loopback", leads=("/b.png",)),
    Hostile("http://rebind-mixed.test/", "the same name, which then is also metadata", leads=("/b.png",)),
    Hostile(_START, "six steps", ImageUnreachable, leads=("/b.png",) * 6),
    Hostile(_START, "for ever to itself", ImageUnreachable, leads=("/a.png",) * 50),
    Hostile(_START, "between two hosts", ImageUnreachable, leads=("http://evil6.test/", _START) * 9),
    Hostile(_START, "nowhere", ImageUnreachable, leads=("",) * 6),
    Hostile(_START, "four slashes, which is its own path", ImageMissing, leads=("////127.0.0.1/a.png",)),
    Hostile(_START, "a header in the path", ImageMissing, leads=("/%0d%0aX-Evil:%20yes",)),
    Hostile(_START, "a header in letters that are cut to bytes", ImageMissing, leads=("/\u010d\u010aX:y",)),
    Hostile(
        _START, "Label Studio's API", ImageUnauthorized, leads=("http://{studio}/api/current-user/token",)
    ),
    Hostile(
        _START, "a file of Label Studio", ImageUnauthorized, leads=("http://{studio}/data/upload/1/a.png",)
    ),
]
