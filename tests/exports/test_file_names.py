from __future__ import annotations

import base64

import pytest

from exports.file_names import LONGEST, FileNames, base_name, place_of

PRESIGNED = "/tasks/7/presign/?fileuri=" + base64.urlsafe_b64encode(b"s3://photos/2026/cat 1.png").decode()


@pytest.mark.parametrize(
    ("image", "name", "place"),
    [
        ("/data/upload/3/ab12-cat.jpg", "ab12-cat.jpg", "/data/upload/3/ab12-cat.jpg"),
        ("/data/local-files/?d=a/b%20c/fr%C3%BCh.png", "früh.png", "a/b c/früh.png"),
        ("http://ls:8080/data/local-files/?d=x.png", "x.png", "x.png"),
        (PRESIGNED, "cat 1.png", "s3://photos/2026/cat 1.png"),
        ("s3://photos/2026/cat.png", "cat.png", "/2026/cat.png"),
        ("https://ann:secret@host/a/b.jpeg?X-Signature=secret#x", "b.jpeg", "/a/b.jpeg"),
        ("data:image/png;base64,AAAA", "task-7", ""),
        ("https://host/", "task-7", "/"),
        ("..", "task-7", ".."),
        ("/a/..%2f..%2fetc%2fpasswd", "passwd", "/a/../../etc/passwd"),
        ("C:\\pictures\\cat.png", "cat.png", "\\pictures\\cat.png"),
        ("/a/.hidden", "hidden", "/a/.hidden"),
        ("/a/b?c*d.png", "b", "/a/b"),
        ('/a/%22b%00%3f".png', "_b___.png", '/a/"b\x00?".png'),
        ("/a/no ending", "no ending", "/a/no ending"),
        ("/a/v1.a-long-word-behind-a-dot", "v1.a-long-word-behind-a-dot", "/a/v1.a-long-word-behind-a-dot"),
        ("http://[broken/cat.png?x=secret", "cat.png", "http://[broken/cat.png"),
    ],
)
def test_names_are_those_of_the_files_and_safe(image: str, name: str, place: str) -> None:
    assert base_name(image, 7) == name
    assert place_of(image) == place


def test_long_names_keep_their_ending() -> None:
    name = base_name(f"/a/{'ü' * 500}.jpg", 7)
    assert name.endswith("ü.jpg")
    assert len(name.encode()) <= LONGEST


def test_no_two_pictures_have_one_stem() -> None:
    names = FileNames(["taken.png"])
    given = [
        names.name_of(f"/a/{each}", task)
        for task, each in enumerate(("cat.jpg", "cat.jpg", "CAT.png", "cat-2.jpg", "taken.jpg", "x"), 1)
    ]
    assert given == ["cat.jpg", "cat-2.jpg", "CAT-3.png", "cat-2-4.jpg", "taken-5.jpg", "x"]
    assert [names.name_of("/a/x", 6) for _ in range(2)] == ["x-6", "x-6-2"]
