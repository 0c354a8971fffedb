from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from imaging.identity import canonical
from imaging.options import ImageOptions
from imaging.sources import MAX_SHOWN, locate, naming, shown_path
from values.errors import ImageCorrupt, ImageError, ImageForbidden, ImageMissing, ImageTooLarge
from values.image import ImageSource
from values.locations import DataUrl, LabelStudioFile, LocalFile, StoredObject, WebImage


def options(url: str | None = "http://ls:8080", **more: Any) -> ImageOptions:
    return ImageOptions.model_validate({"label_studio_url": url, **more})


def source(value: str, project: str = "3") -> ImageSource:
    return ImageSource(value, project=project, task=42)


@pytest.mark.parametrize("url", ["http://ls:8080", "http://ls:8080/"])
@pytest.mark.parametrize(
    "value",
    [
        "/data/upload/3/0a1b2c3d-x.png",
        "data/upload/3/0a1b2c3d-x.png",
        " /data/upload/3/0a1b2c3d-x.png\n",
        "http://ls:8080/data/upload/3/0a1b2c3d-x.png",
        "HTTP://LS:8080/data/upload/3/0a1b2c3d-x.png",
    ],
)
def test_uploads_in_every_spelling(url: str, value: str) -> None:
    found = locate(source(value), options(url))
    assert isinstance(found, LabelStudioFile)
    assert str(found.url) == "http://ls:8080/data/upload/3/0a1b2c3d-x.png"


@pytest.mark.parametrize("value", ["/data/upload/3/x.png", "/studio/data/upload/3/x.png"])
@pytest.mark.parametrize("url", ["https://host/studio", "https://host/studio/"])
def test_a_path_prefix_is_added_once(url: str, value: str) -> None:
    found = locate(source(value), options(url))
    assert isinstance(found, LabelStudioFile)
    assert str(found.url) == "https://host/studio/data/upload/3/x.png"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/data/upload/3/a b.png", b"/data/upload/3/a%20b.png"),
        ("/data/upload/3/é.png", b"/data/upload/3/%C3%A9.png"),
        ("/data/upload/3/100%25.png", b"/data/upload/3/100%25.png"),
    ],
)
def test_names_with_spaces_accents_and_percent_signs(value: str, path: bytes) -> None:
    found = locate(source(value), options())
    assert isinstance(found, LabelStudioFile)
    assert found.url.raw_path == path


@pytest.mark.parametrize(
    "value",
    [
        "/api/projects/1/export",
        "/api/data/upload/1/x.png",
        "/api/tasks/1/presign/",
        "/user/login/",
        "/projects/1/settings",
        "/",
        "http://ls:8080/logout",
        "/tasks/x/presign/",
    ],
)
def test_the_token_is_not_for_other_routes_of_label_studio(value: str) -> None:
    assert isinstance(locate(source(value), options()), WebImage)


@pytest.mark.parametrize("value", ["/data/../api/x", "/data/%2e%2e/api/x", "/data/..%2fapi/x", "/x/%2E%2E/y"])
def test_dots_do_not_reach_other_routes(value: str) -> None:
    try:
        found: object = locate(source(value), options())
    except ImageForbidden:
        return
    assert isinstance(found, WebImage)


def test_presign_is_a_file_route() -> None:
    assert isinstance(locate(source("/tasks/42/presign/?fileuri=czM6Ly9i"), options()), LabelStudioFile)


@pytest.mark.parametrize(
    "value",
    [
        "http://localhost:8080/data/upload/3/x.png",
        "http://ls/data/upload/3/x.png",
        "http://ls.:8080/data/upload/3/x.png",
        "http://ls:8080.evil.example/data/upload/3/x.png",
        "http://ls:80801/data/upload/3/x.png",
    ],
)
def test_other_origins_are_not_label_studio(value: str) -> None:
    try:
        found: object = locate(source(value), options())
    except ImageForbidden:
        return
    assert isinstance(found, WebImage)


def test_local_files_over_http_unless_a_folder_is_mounted(tmp_path: Path) -> None:
    value = "/data/local-files/?d=local/from%20storage%20%C3%A9.jpg"
    by_http = locate(source(value), options())
    assert isinstance(by_http, LabelStudioFile)
    by_file = locate(source(value), options(local_files_document_root=tmp_path))
    assert isinstance(by_file, LocalFile)
    assert by_file.path == "local/from storage é.jpg"
    assert by_file.url == by_http.url
    alone = locate(source(value), options(None, local_files_document_root=tmp_path))
    assert alone == LocalFile("local/from storage é.jpg", None)


def test_local_files_of_another_host_are_never_files_here(tmp_path: Path) -> None:
    found = locate(
        source("http://other:8080/data/local-files/?d=a.jpg"), options(local_files_document_root=tmp_path)
    )
    assert isinstance(found, WebImage)


@pytest.mark.parametrize("query", ["", "?d=", "?d=a&d=b", "?x=1"])
def test_local_files_name_exactly_one_file(query: str, tmp_path: Path) -> None:
    with pytest.raises(ImageForbidden, match="exactly one file"):
        locate(source(f"/data/local-files/{query}"), options(local_files_document_root=tmp_path))


def test_a_relative_value_needs_label_studio_url() -> None:
    with pytest.raises(ImageMissing, match=r"of task 42: .*LABEL_STUDIO_URL"):
        locate(source("/data/upload/3/x.png"), options(None))
    with pytest.raises(ImageMissing, match="LABEL_STUDIO_URL"):
        locate(source("/data/local-files/?d=x.png"), options(None))


@pytest.mark.parametrize(
    ("value", "scheme", "bucket", "key"),
    [
        ("s3://photos/a.png", "s3", "photos", "a.png"),
        ("S3://photos/2024/früh & 100%.png", "s3", "photos", "2024/früh & 100%.png"),
        ("gs://photos/a?b#c.png", "gs", "photos", "a?b#c.png"),
        ("azure-blob://box/a%20b.png", "azure-blob", "box", "a%20b.png"),
    ],
)
def test_objects_of_cloud_stores(value: str, scheme: str, bucket: str, key: str) -> None:
    found = locate(source(value), options("http://ls:8080/studio"))
    assert isinstance(found, StoredObject)
    assert (found.scheme, found.bucket, found.key) == (scheme, bucket, key)
    assert found.url is not None
    encoded = base64.urlsafe_b64encode(value.encode()).decode()
    assert found.url == httpx.URL(f"http://ls:8080/studio/tasks/42/presign/?fileuri={encoded}")


def test_an_object_that_label_studio_cannot_hand_out() -> None:
    for found in (
        locate(source("s3://photos/a.png"), options(None)),
        locate(ImageSource("s3://photos/a.png", project="3"), options()),
    ):
        assert found == StoredObject("s3", "photos", "a.png", None)


@pytest.mark.parametrize(
    "value",
    [
        *("s3://", "s3://photos", "s3://photos/", "s3:/photos/a", "s3:///a.png", "s3://user@photos/a.png"),
        *(
            "s3://evil:80/a",
            "s3://../a",
            "s3://[::1]/a",
            "gs://a\\b/c",
            "s3://photos/a\\b",
            "s3://photos/a\nb",
        ),
        *("s3://photos/../closed/a.png", "s3://photos/./a.png", "s3://photos/a/.."),
        *("azure-blob://box/\x00", "s3://phötos/a", "s3a://photos/a"),
    ],
)
def test_objects_that_no_store_has(value: str) -> None:
    with pytest.raises(ImageForbidden):
        locate(source(value), options())


@pytest.mark.parametrize("route", ["/tasks/42/presign/", "/tasks/7/resolve/", "/projects/3/presign/"])
def test_an_address_that_hands_out_an_object_is_that_object(route: str) -> None:
    encoded = base64.urlsafe_b64encode("s3://photos/é.png".encode()).decode().rstrip("=")
    found = locate(source(f"{route}?fileuri={encoded}"), options())
    assert found == StoredObject(
        "s3", "photos", "é.png", httpx.URL(f"http://ls:8080{route}?fileuri={encoded}")
    )
    assert canonical(source(f"{route}?fileuri={encoded}"), options()) == canonical(
        source("s3://photos/é.png"), options()
    )


@pytest.mark.parametrize("uri", ["", "x", "=", "_w", "aHR0cDovL2V2aWwvYQ"])
def test_other_addresses_of_those_routes_are_left_to_label_studio(uri: str) -> None:
    assert isinstance(locate(source(f"/tasks/42/resolve/?fileuri={uri}"), options()), LabelStudioFile)


@pytest.mark.parametrize(
    ("url", "aliases", "value"),
    [
        ("http://ls:8080", "https://studio.example.org", "https://studio.example.org/data/upload/3/x.png"),
        ("http://ls:8080", "http://a,http://b:80/", "http://b/data/upload/3/x.png"),
        ("http://ls:8080", "http://localhost:8080/s", "http://localhost:8080/s/data/upload/3/x.png"),
        ("http://ls:8080", "http://localhost:8080/s", "http://localhost:8080/data/upload/3/x.png"),
        ("http://ls:8080", "", "https://ls/data/upload/3/x.png"),
        ("http://ls:8080", "", "https://ls:8080/data/upload/3/x.png"),
    ],
)
def test_other_names_of_label_studio_lead_to_its_one_address(url: str, aliases: str, value: str) -> None:
    found = locate(source(value), options(url, label_studio_aliases=aliases))
    assert found == LabelStudioFile(httpx.URL("http://ls:8080/data/upload/3/x.png"))
    usual = canonical(source("/data/upload/3/x.png"), options(url))
    assert canonical(source(value), options(url, label_studio_aliases=aliases)) == usual


@pytest.mark.parametrize("value", ["/studio/data/upload/3/x.png", "https://host/studio/data/upload/3/x.png"])
def test_a_path_prefix_that_label_studio_url_does_not_mention(value: str) -> None:
    found = locate(source(value), options("https://host"))
    assert found == LabelStudioFile(httpx.URL("https://host/studio/data/upload/3/x.png"))


@pytest.mark.parametrize("value", ["/data/upload/3/x.png", "https://host/data/upload/3/x.png"])
def test_a_path_prefix_that_the_value_does_not_mention(value: str) -> None:
    found = locate(source(value), options("https://host/studio"))
    assert found == LabelStudioFile(httpx.URL("https://host/studio/data/upload/3/x.png"))


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_no_value(value: str) -> None:
    with pytest.raises(ImageMissing, match="names no image"):
        locate(source(value), options())


@pytest.mark.parametrize(
    "value",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "javascript:alert(1)",
        "//evil.example/x.png",
        "http:/ls:8080/data/x",
        "http://user:CANARY@ls:8080/data/upload/3/x.png",
        "http://ls:8080\\@evil.example/x?CANARY",
        "/data/upload/3/x\x00.png",
        "/data/upload/3/\ud800.png",
        "/data/upload\\..\\x",
        "\\\\evil\\x",
    ],
)
def test_hostile_values_are_refused_without_repeating_them(value: str) -> None:
    with pytest.raises(ImageForbidden, match="of task 42: ") as caught:
        locate(source(value), options())
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/data/upload/3/ab12-x.png", "/data/upload/3/ab12-x.png"),
        ("http://ls:8080/data/upload/3/x.png?token=CANARY#CANARY", "/data/upload/3/x.png"),
        ("http://user:CANARY@ls:8080/data/upload/3/x.png", "/data/upload/3/x.png"),
        ("//user:CANARY@ls/x.png?CANARY", "/x.png"),
        ("https:///user:CANARY@ls/x.png", "ls/x.png"),
        ("/a;jsessionid=CANARY/x.png;v=CANARY?CANARY", "/a/x.png"),
        ("/data/local-files/?d=photos/x.png&token=CANARY", "photos/x.png"),
        ("http://ls:8080/data/local-files/?d=photos/%C3%A9.png", "photos/%C3%A9.png"),
        ("/tasks/1/presign/?fileuri=CANARY", "/tasks/1/presign/"),
        ("s3://bucket/photos/x.png", "/photos/x.png"),
        ("photos/x.png", "photos/x.png"),
        ("/data/x\n\x1b[0m.png", "/data/x\\n\\x1b[0m.png"),
        ("data:image/png;base64,CANARY", ""),
        ("DATA://x/CANARY", ""),
        ("mailto:user:CANARY@x", ""),
        ("CANARY" * 1000, ""),
        ("/" + "a" * 500 + "/x.png", "…" + "a" * 113 + "/x.png"),
    ],
)
def test_a_sentence_names_the_path_and_nothing_else(value: str, path: str) -> None:
    assert shown_path(value) == path
    assert len(path) <= MAX_SHOWN
    with pytest.raises(ImageMissing) as caught, naming(source(value)):
        raise ImageMissing("there is no such file")
    assert caught.value.detail == "cannot read the image of task 42: there is no such file" + (
        f"; its path is {path}" if path else ""
    )


def test_without_a_task_the_sentence_still_reads() -> None:
    with pytest.raises(ImageMissing, match=r"^cannot read the image: the task names no image$"):
        locate(ImageSource(""), options())


def test_data_urls() -> None:
    content = b"\x89PNG\r\n..."
    for head in ("data:image/png;base64,", "DATA:;BASE64,", "data:image/png;charset=x;base64,"):
        value = head + base64.b64encode(content).decode()
        assert locate(source(value), options()) == DataUrl(content)
    assert locate(source("data:,a%20b"), options()) == DataUrl(b"a b")


@pytest.mark.parametrize(
    "value",
    [
        "data:image/png;base64,YW Jj\r\nZGV\tm",
        "data:image/png;base64,\n  YWJj\n  ZGVm\n",
        "data:image/png;base64,YWJj%0AZGVm",
        "data:image/png;base64,YWJj%0d%0aZGVm%20",
        "data:image/png;\nbase64,YWJjZGVm",
        "data:image/png; base64,YWJjZGVm",
        "data:image/png;base64 ,YWJj\x0cZGVm",
    ],
)
def test_base64_in_lines_as_browsers_read_it(value: str) -> None:
    assert locate(source(value), options()) == DataUrl(b"abcdef")


def test_line_breaks_of_an_address_are_no_content_and_escaped_ones_are() -> None:
    assert locate(source("data:,a\nb%0Ac"), options()) == DataUrl(b"ab\nc")


@pytest.mark.parametrize("content", ["-_-_", "YW\xa0Jj", "YW\x0bJj", "YW=Jj", "YWJjZ"])
def test_what_browsers_do_not_take_for_base64(content: str) -> None:
    with pytest.raises(ImageCorrupt, match="not base64"):
        locate(source(f"data:image/png;base64,{content}"), options())


@pytest.mark.parametrize(
    "value", ["data:image/png;base64", "data:;base64,§§", "data:,\ud800", "data:;base64,a"]
)
def test_broken_data_urls(value: str) -> None:
    with pytest.raises(ImageCorrupt):
        locate(source(value), options())


def test_data_urls_that_would_take_long_to_decode() -> None:
    with pytest.raises(ImageTooLarge, match="base64"):
        locate(source("data:," + "%41" * (2**20 + 1)), options())


def test_large_data_urls() -> None:
    few = options(max_image_mib=0.001)
    for value in ("data:," + "a" * 2000, "data:," + "%61" * 2000):
        with pytest.raises(ImageTooLarge):
            locate(source(value), few)


def test_canonical_is_the_same_for_every_spelling_of_one_upload() -> None:
    values = ["/data/upload/3/é x.png", "http://ls:8080/data/upload/3/%C3%A9%20x.png"]
    assert len({canonical(source(value), options()) for value in values}) == 1


def test_canonical_is_the_same_under_a_fresh_signature_and_holds_no_secret() -> None:
    address = "https://bucket.s3.amazonaws.com/a.png?X-Amz-Date={}&X-Amz-Signature={}&versionId=CANARY"
    first = canonical(source(address.format("1", "CANARY1")), options())
    second = canonical(source(address.format("2", "CANARY2")), options())
    assert first == second
    assert "CANARY" not in first


def test_canonical_tells_images_projects_and_label_studios_apart(tmp_path: Path) -> None:
    base = options()
    keys = [
        canonical(source("/data/upload/3/a.png"), base),
        canonical(source("/data/upload/3/b.png"), base),
        canonical(source("/data/upload/3/a.png", project="4"), base),
        canonical(source("/data/upload/3/a.png"), options("http://other:8080")),
        canonical(source("/data/local-files/?d=a.png"), base),
        canonical(source("/data/local-files/?d=b.png"), base),
        canonical(source("http://host/image?id=1"), base),
        canonical(source("http://host/image?id=2"), base),
        canonical(source("https://host/image?id=2"), base),
        canonical(source("/data/local-files/?d=a.png"), options(None, local_files_document_root=tmp_path)),
    ]
    assert len(set(keys)) == len(keys)


def test_canonical_does_not_depend_on_the_mounted_folder(tmp_path: Path) -> None:
    value = source("/data/local-files/?d=a.png")
    assert canonical(value, options()) == canonical(value, options(local_files_document_root=tmp_path))


def test_canonical_of_a_data_url_is_its_content() -> None:
    one = canonical(source("data:image/png;base64,YWJj"), options())
    assert one == canonical(source("data:,abc"), options())
    assert hashlib.sha256(b"abc").hexdigest() in one


def test_canonical_raises_as_locate_does() -> None:
    with pytest.raises(ImageError, match="of task 42"):
        canonical(source("file:///etc/passwd"), options())


def test_nothing_shows_the_query() -> None:
    found = locate(source("http://host/a.png?sig=CANARY"), options())
    assert "CANARY" not in repr(found)
    assert "CANARY" not in repr(locate(source("/data/local-files/?d=x&t=CANARY"), options()))
