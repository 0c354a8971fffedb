"""An S3 store on loopback for Label Studio to hand images out of: moto's server, and what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from testing.canary import CANARY, WATCH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Label Studio's own keys to the store. The first is in every address it signs: it is watched for as well.
ACCESS_KEY = "AKIACANARY3F9C1D7E5B"
SECRET_KEY = CANARY


class _Silent(MotoRequestHandler):
    """Its log of requests would hold signed addresses."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a failed test shows ``requests``."""


class Store:
    """``requests`` are (method, path, Authorization header or "") in the order they came."""

    def __init__(self) -> None:
        WATCH.keep(ACCESS_KEY)
        self.requests: list[tuple[str, str, str]] = []
        self._answer = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._recorded, threaded=True, request_handler=_Silent)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._client = httpx.Client(base_url=self.url, trust_env=False)

    def add(self, bucket: str, **files: bytes) -> None:
        """Make a bucket with these files, or replace them in it; names in the order given."""
        self._client.put(f"/{bucket}").raise_for_status()
        for name, content in files.items():
            path = f"/{bucket}/{quote(name)}"
            # Whoever replaces an object has to be somebody to moto, whoever that is.
            headers = {"Content-Type": "image/png", "Authorization": "AWS somebody:"}
            self._client.put(path, content=content, headers=headers).raise_for_status()

    def storage(self, bucket: str, *, presign: bool) -> dict[str, Any]:
        """What Label Studio is told of a bucket: to sign addresses or to pass the bytes on itself."""
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        place = {"bucket": bucket, "s3_endpoint": self.url, "region_name": "us-east-1"}
        return {**keys, **place, "presign": presign, "presign_ttl": 1}

    def _recorded(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION", ""))
        self.requests.append(asked)
        answer: Iterable[bytes] = self._answer(environ, start)
        return answer


@contextmanager
def running_store() -> Iterator[Store]:
    """A store on a free port."""
    store = Store()
    thread = threading.Thread(target=store._server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield store
    finally:
        store._server.shutdown()
        store._server.server_close()
        thread.join()
        store._client.close()
