"""Images from wherever Label Studio 1.23 keeps them, with the tokens it has.

Uploads and local files with a personal access token are in ``test_protocol_over_api``; here is what lies in a
cloud store, through the whole graph, and what is refused or needs no HTTP, as a fetcher reads it.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

from imaging.options import ImageOptions
from imaging.reader import ImageReader
from testing.label_studio_masks import Json, iou
from testing.label_studio_requests import predict_body
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.store import Store
from tests.real_label_studio.studio import CONFIG, GOOD, KNOWN, Studio, positive
from values.errors import ImageUnauthorized
from values.image import ImageSource, ModelSize

pytestmark = pytest.mark.label_studio

TRUTH = KNOWN.masks[0]
NAME = "früh & spät 100%+.png"


def _asked(url: str, image: str, task: int, project: int) -> Json:
    """The error that a click on this image is answered with, which Label Studio would keep to itself."""
    body = predict_body(image)
    body["project"] = f"{project}.1"
    body["tasks"][0] |= {"id": task, "project": project}
    answer = httpx.post(f"{url}/predict", json=body, trust_env=False, timeout=30)
    assert answer.is_error, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def stored(label_studio: LabelStudioServer, backend_url: str) -> Studio:
    return Studio(label_studio, backend_url)


def _picture() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(KNOWN.rgb).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("presign", [True, False], ids=["presigned", "proxied"])
def test_a_cloud_storage_is_read_by_way_of_label_studio(stored: Studio, store: Store, presign: bool) -> None:
    bucket = "signed" if presign else "passed-on"
    store.add(bucket, **{NAME: _picture()})
    (task,) = stored.tasks_of_storage("s3", **store.storage(bucket, presign=presign))
    del store.requests[:]
    assert iou(stored.mask(task, positive(TRUTH)), TRUTH) > GOOD
    [(method, path, authorization)] = store.requests
    assert (method, path.encode("latin-1").decode()) == ("GET", f"/{bucket}/{NAME}")
    # A signed address needs no header; where Label Studio fetches, it signs with its own key.
    assert authorization.startswith("" if presign else "AWS4-HMAC-SHA256 ")
    assert bool(authorization) is not presign


@pytest.mark.parametrize(
    ("presign", "error", "said"),
    [(True, "image_unauthorized", "{store} answered 403"), (False, "image_unreachable", "answered 424")],
    ids=["presigned", "proxied"],
)
def test_an_object_that_is_gone_is_said(
    stored: Studio, store: Store, backend_url: str, presign: bool, error: str, said: str
) -> None:
    # A store answers 403 to who may not list the bucket, and Label Studio 424 for whatever the store answers.
    bucket = "signed-gone" if presign else "passed-on-gone"
    store.add(bucket, **{NAME: _picture()})
    (task,) = stored.tasks_of_storage("s3", **store.storage(bucket, presign=presign))
    answer = _asked(backend_url, f"s3://{bucket}/gone.png", task, stored.project)
    assert answer["error"] == error
    assert f"cannot read the image of task {task}: " in answer["detail"]
    assert said.format(store=store.url) in answer["detail"]


def test_a_bucket_that_no_storage_of_the_project_has_is_not_read(
    stored: Studio, store: Store, backend_url: str
) -> None:
    store.add("elsewhere", **{NAME: _picture()})
    other = stored.api.create_project("no storage", CONFIG)
    value = f"s3://elsewhere/{NAME}"
    stored.api.call("POST", f"/api/projects/{other}/import", json=[{"data": {"image": value}}])
    (task,) = stored.api.tasks(other)
    del store.requests[:]
    assert _asked(backend_url, value, task["id"], other)["error"] == "image_missing"
    assert store.requests == []


@dataclass(frozen=True)
class Read:
    """A reader of images. ``check``: what /diagnose says of Label Studio."""

    image: Callable[[str, int], tuple[str, str]]
    check: Callable[[], str]


@contextmanager
def _reader(server: LabelStudioServer, token: str, **options: str) -> Iterator[Read]:
    """What a fetcher makes of an image: its evidence, found with its pixels and without."""
    options |= {"label_studio_url": server.url, "label_studio_api_key": token}
    with asyncio.Runner() as runner:
        made = ImageReader(ImageOptions.model_validate(options))

        async def asked(value: str, task: int) -> tuple[str, str]:
            source = ImageSource(value, task=task)
            return (await made.read(source, ModelSize(64))).evidence, await made.evidence(source)

        yield Read(lambda value, task: runner.run(asked(value, task)), lambda: runner.run(made.check()))
        runner.run(made.aclose())


def test_a_legacy_token_reads_uploads_and_local_files(stored: Studio, tmp_path: Path) -> None:
    tasks = (stored.upload(tmp_path), stored.task_on_local_files("with a legacy token"))
    with stored.server.legacy_tokens() as token, _reader(stored.server, token) as reader:
        assert "answers and takes the token" in reader.check()
        for task in tasks:
            reader.image(stored.image_of(task), task)


def test_a_legacy_token_where_those_are_off_is_named_with_its_remedy(stored: Studio, tmp_path: Path) -> None:
    task = stored.upload(tmp_path)
    said = (
        "Label Studio answered 401 to the legacy token in LABEL_STUDIO_API_KEY; legacy tokens are off unless "
        "an administrator enables them: use a personal access token"
    )
    with _reader(stored.server, stored.api.legacy_token()) as reader:
        for asked in (reader.check, lambda: reader.image(stored.image_of(task), task)):
            with pytest.raises(ImageUnauthorized) as caught:
                asked()
            assert said in caught.value.detail


def test_mounted_local_files_are_read_without_http(stored: Studio) -> None:
    task = stored.task_on_local_files("mounted")
    mounted = {"local_files_document_root": str(stored.server.files)}
    value, before = stored.image_of(task), stored.server.gets("/data/local-files/")
    with _reader(stored.server, stored.api.legacy_token(), **mounted) as reader:
        assert len(set(reader.image(value, task)) - {""}) == 1
    assert stored.server.gets("/data/local-files/") == before


@pytest.fixture
def reader(label_studio: LabelStudioServer, store: Store) -> Iterator[Callable[[str, int], tuple[str, str]]]:
    """What is found of an image's evidence, with its pixels and without."""
    token = label_studio.api.personal_access_token()
    with _reader(label_studio, token, image_hosts=store.host) as made:
        yield made.image


def test_a_replaced_local_file_and_object_are_told_apart(
    stored: Studio, store: Store, reader: Callable[[str, int], tuple[str, str]], tmp_path: Path
) -> None:
    local = stored.task_on_local_files("replaced")
    [path] = (stored.server.files / "replaced").iterdir()
    objects = {}
    for presign in (True, False):
        bucket = f"replaced-{presign}".lower()
        store.add(bucket, **{NAME: _picture()})
        (objects[bucket],) = stored.tasks_of_storage("s3", **store.storage(bucket, presign=presign))

    def told() -> list[str]:
        found = [reader(stored.image_of(task), task) for task in (local, *objects.values())]
        assert all(read == asked for read, asked in found)
        return [read for read, _ in found]

    before = told()
    assert told() == before
    replaced = io.BytesIO()
    Image.fromarray(KNOWN.rgb[::-1]).save(replaced, "PNG")
    path.write_bytes(replaced.getvalue())
    for bucket in objects:
        store.add(bucket, **{NAME: replaced.getvalue()})
    after = told()
    assert all(old != new != "" for old, new in zip(before, after, strict=True))
    # Label Studio says of an upload how long it is and no more; it gives each a name of its own.
    upload = stored.upload(tmp_path)
    assert reader(stored.image_of(upload), upload) == ("", "")
