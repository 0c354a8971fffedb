"""Values that are after Label Studio's token, and local files that are none."""

from __future__ import annotations

from tests.imaging.hostile.hostile import MARK, Hostile
from values.errors import ImageForbidden, ImageMissing, ImageUnauthorized

_UPLOAD = "/data/upload/1/a.png"

OTHER_HOSTS = [
    # Almost Label Studio's address. Whoever answers there must not see the token.
    Hostile(f"http://{{studio}}.evil.test{_UPLOAD}", "its address as the beginning of a name"),
    Hostile(f"http://{{studio}}@evil.test{_UPLOAD}", "its address as the user"),
    Hostile(f"http://evil.test#@{{studio}}{_UPLOAD}", "its address in the fragment", ImageMissing),
    Hostile(f"http://evil.test\\@{{studio}}{_UPLOAD}", "its address behind a backslash"),
    Hostile(f"http://{{inside}}{_UPLOAD}", "another port of its host"),
    Hostile(f"http://{{inside2}}{_UPLOAD}", "another loopback address"),
    Hostile(f"http://127.0.0.1{_UPLOAD}", "its host without the port"),
    Hostile(f"http://localhost{_UPLOAD}", "another name of its host"),
    Hostile(f"http://evil.test{_UPLOAD}", "its route on another host", ImageMissing),
    Hostile(f"http://evil6.test/data/local-files/?d={MARK}", "its local files on another host", ImageMissing),
    Hostile("http://evil.test/tasks/1/presign/?fileuri=x", "its presign route on another host", ImageMissing),
]

OTHER_ROUTES = [
    # Label Studio itself, but not its files: asked without the token or not at all.
    Hostile("/api/current-user/token", "the API", ImageUnauthorized),
    Hostile("http://{studio}/api/projects/1/export", "the API by its whole address", ImageUnauthorized),
    Hostile("/user/account", "an account's page", ImageUnauthorized),
    Hostile("/api/data/upload/1/a.png", "the route of files below the API", ImageUnauthorized),
    Hostile("/x?next=/data/upload/1/a.png", "the route of files in the query", ImageUnauthorized),
    Hostile("/tasks/1/presignx/", "nearly the presign route", ImageUnauthorized),
    Hostile("/tasks/x/presign/", "a presign route without a number", ImageUnauthorized),
    Hostile("/data/../api/current-user/token", "dots out of the files", ImageUnauthorized),
    Hostile("/data/upload/../../api/projects/", "more dots out of the files", ImageUnauthorized),
    Hostile("/data/%2e%2e/api/current-user/token", "encoded dots"),
    Hostile("/data/..%2fapi/current-user/token", "an encoded slash"),
    Hostile("/data/%2e%2e%2fapi/current-user/token", "encoded dots and slash"),
    Hostile("/data/%252e%252e/api/current-user/token", "dots encoded twice"),
    Hostile("/data/%252e%252e%252fapi/current-user/token", "dots and slash encoded twice"),
    Hostile("/data/..\\api/current-user/token", "a backslash"),
    Hostile("//{studio}/api/current-user/token", "no scheme"),
    Hostile(f"{_UPLOAD}\r\nX-Evil: yes", "a header behind the path"),
    Hostile(f"{_UPLOAD}\x00.png", "a NUL"),
]

LEADING_AWAY = [
    # Label Studio redirects to cloud storage; who can write a storage's title can write where.
    Hostile(_UPLOAD, "to a public host", ImageMissing, leads=(f"http://evil.test/?{MARK}",)),
    Hostile(_UPLOAD, "to a public host without a scheme", ImageMissing, leads=("//evil.test/",)),
    Hostile(_UPLOAD, "to metadata", leads=("http://169.254.169.254/",)),
    Hostile(_UPLOAD, "to loopback", leads=("http://127.0.0.1/",)),
    Hostile(_UPLOAD, "to another port of its host", leads=("http://{inside}/",)),
    Hostile(_UPLOAD, "to a name of its host", leads=("http://localhost/",)),
    Hostile(_UPLOAD, "to its address as the user", leads=("http://{studio}@evil.test/",)),
    Hostile(_UPLOAD, "to a file", leads=("file:///etc/passwd",)),
    Hostile(_UPLOAD, "to its own API", ImageUnauthorized, leads=("/api/current-user/token",)),
    Hostile(_UPLOAD, "to its own API by dots", ImageUnauthorized, leads=("../../../api/users",)),
    Hostile(_UPLOAD, "to its login", ImageUnauthorized, leads=("/user/login/?next=/",)),
    Hostile(
        _UPLOAD,
        "away and back again",
        ImageUnauthorized,
        leads=("http://evil.test/", f"http://{{studio}}{_UPLOAD}"),
    ),
    Hostile(
        f"/tasks/1/presign/?fileuri=czM6Ly9ldmls&{MARK}",
        "from the presign route to metadata",
        leads=("http://169.254.169.254/",),
    ),
    Hostile(f"s3://evil-bucket/{MARK}.png", "a bucket to metadata", leads=("http://169.254.169.254/",)),
    Hostile("gs://evil-bucket/a.png", "a bucket to loopback", leads=("http://127.0.0.1/",)),
    Hostile(
        "azure-blob://evil-bucket/a.png",
        "a container to a public host",
        ImageMissing,
        leads=("//evil.test/",),
    ),
    Hostile(
        "/projects/1/resolve/?fileuri=s3://evil-bucket/../a.png",
        "from the resolve route to a public host",
        ImageMissing,
        leads=("http://evil.test/",),
    ),
]

LOCAL_FILES = [
    # A folder is mounted; next to it is secret.png, and inside are links that lead out.
    Hostile(f"/data/local-files/?d={path}", tries, error)
    for path, tries, error in [
        ("../secret.png", "one folder up", ImageForbidden),
        ("inner/../../secret.png", "down and up", ImageForbidden),
        ("..%2fsecret.png", "an encoded slash", ImageForbidden),
        ("%2e%2e/secret.png", "encoded dots", ImageForbidden),
        ("..%252fsecret.png", "a slash encoded twice", ImageForbidden),
        ("%252e%252e%252fsecret.png", "dots and slash encoded twice", ImageForbidden),
        ("..\\secret.png", "a backslash", ImageForbidden),
        ("..%5csecret.png", "an encoded backslash", ImageForbidden),
        ("..%255csecret.png", "a backslash encoded twice", ImageForbidden),
        ("/etc/passwd", "an absolute path", ImageForbidden),
        ("//etc/passwd", "two slashes", ImageForbidden),
        ("%2fetc%2fpasswd", "an encoded absolute path", ImageForbidden),
        ("/proc/self/environ", "this process's environment", ImageForbidden),
        ("file:///etc/passwd", "a scheme", ImageMissing),
        ("~/secret.png", "somebody's home", ImageMissing),
        ("$HOME/secret.png", "a variable", ImageMissing),
        ("a.png%00.jpg", "an encoded NUL", ImageForbidden),
        ("a%0apng", "an encoded newline", ImageForbidden),
        ("", "no file", ImageForbidden),
        (".", "the folder itself", ImageForbidden),
        ("inner", "a folder", ImageForbidden),
        ("out.png", "a link to a file outside", ImageForbidden),
        ("up/secret.png", "a link to a folder outside", ImageForbidden),
        ("environ", "a link to this process's environment", ImageForbidden),
        ("loop", "a link to itself", ImageForbidden),
        ("pipe", "a pipe that nobody writes to", ImageForbidden),
        ("a.png&d=../secret.png", "two files", ImageForbidden),
        ("a" * 5000, "a name of 5000 letters", ImageForbidden),
    ]
]
