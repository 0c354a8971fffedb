from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from imaging.files import read_file
from imaging.identity import canonical
from imaging.options import ImageOptions
from imaging.sources import locate
from serve_app.cli.common_options import CommandError
from serve_app.cli.precompute.task_sources import PLAIN_CONFIG, AddressTasks, FolderTasks, plain_projects
from tests.serve_app.cli.precompute.bench import Bench
from values.image import ImageSource
from values.locations import LocalFile

NAMES = (
    "plain.png",
    "with space.JPG",
    "größe é 猫.webp",
    "100% %41 %zz.png",
    "a#b?c&d=e+f;g.png",
    "'quotes\"<>.jpeg",
    "deep/er/folder.d/x.gif",
    ".hidden.tif",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "document root"
    for name in NAMES:
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (folder / "photos" / "notes.txt").write_text("no image")
    (folder / "photos" / "folder.png").mkdir()
    (folder / "above.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize("site", [None, "http://studio:8080", "https://studio/prefix"])
def test_every_file_is_found_again_by_the_backend(root: Path, site: str | None) -> None:
    options = ImageOptions(local_files_document_root=root, label_studio_url=site)
    found = set()
    for task in FolderTasks(root / "photos", root, plain_projects([3])):
        place = locate(ImageSource(task.data["image"], "3"), options)
        assert isinstance(place, LocalFile)
        assert bytes(read_file(root, place.path, 1000).content).decode() == place.path.removeprefix("photos/")
        found.add(place.path)
        assert task.id == place.path
    assert found == {f"photos/{name}" for name in NAMES}


def test_an_image_has_the_key_that_it_has_in_label_studios_tasks(root: Path) -> None:
    options = ImageOptions(label_studio_url="http://studio:8080")
    for task in FolderTasks(root / "photos", root, plain_projects([3])):
        # As the sync of a local storage in Label Studio writes it.
        theirs = f"http://studio:8080/data/local-files/?d={quote(str(task.id))}"
        ours = canonical(ImageSource(task.data["image"], "3"), options)
        assert ours == canonical(ImageSource(theirs, "3", 17), options)


def test_a_folder_is_counted_and_goes_to_each_project(root: Path) -> None:
    tasks = FolderTasks(root / "photos", root, plain_projects([3, 4]))
    sent = list(tasks)
    assert tasks.total == len(sent) == 2 * len(NAMES)
    assert [task.project.id for task in sent[:4]] == [3, 4, 3, 4]
    assert sent == list(tasks)
    body = sent[0].body()
    assert (body["label_config"], body["params"]) == (PLAIN_CONFIG, {"login": None, "password": None})


def test_a_folder_may_be_the_root_itself_and_be_spelt_in_any_way(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    whole = [task.id for task in FolderTasks(Path(), root, plain_projects([1]))]
    assert whole == [task.id for task in FolderTasks(Path("photos/.."), Path(), plain_projects([1]))]
    assert "above.png" in whole


def test_links_keep_the_name_that_leads_to_them(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(root / "photos")
    assert {str(task.id).split("/")[0] for task in FolderTasks(root / "link", root, plain_projects([1]))} == {
        "link"
    }
    outside = tmp_path / "outside"
    outside.symlink_to(root / "photos")
    names = {str(task.id).split("/")[0] for task in FolderTasks(outside, root, plain_projects([1]))}
    assert names == {"photos"}


def test_a_name_that_is_no_text_is_sent_byte_by_byte(root: Path) -> None:
    name = os.fsencode(root) + b"/odd/\xff.png"
    (root / "odd").mkdir()
    try:
        Path(os.fsdecode(name)).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    [task] = FolderTasks(root / "odd", root, plain_projects([1]))
    assert (task.id, task.data["image"]) == ("odd/\ufffd.png", "/data/local-files/?d=odd/%FF.png")


def test_a_folder_outside_of_the_root_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "document root 2").mkdir()
    with pytest.raises(CommandError, match="is outside --document-root"):
        FolderTasks(tmp_path / "document root 2", root, plain_projects([1]))


def test_a_folder_from_the_command_line(bench: Bench, root: Path) -> None:
    bench.backend.broken["/data/local-files/?d=photos/with%20space.JPG"] = ("image_corrupt", "it is cut")
    arguments = ("--folder", str(root / "photos"), "--document-root", str(root))
    told = bench.told(*arguments)
    assert (told["exit"], told["encoded"]) == (1, len(NAMES) - 1)
    assert told["failures"] == [
        {"project": 1, "task": "photos/with space.JPG", "code": "image_corrupt", "sentence": "it is cut"}
    ]
    assert bench.studio.windows == []
    bench.backend.broken.clear()
    again = bench.told(*arguments)
    assert (again["exit"], again["stored"], again["encoded"]) == (0, len(NAMES) - 1, 1)


LINES = """\ufeff# from the bucket
https://images.example/a.png?X-Signature=secret#part

  /data/upload/3/b c.png\t
s3://bucket/key with # in it.png
https://images.example/a.png?X-Signature=secret#part
   # the end
"""
VALUES = [
    "https://images.example/a.png?X-Signature=secret#part",
    "/data/upload/3/b c.png",
    "s3://bucket/key with # in it.png",
]


def test_addresses_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_bytes(LINES.replace("\n", "\r\n").encode())
    tasks = AddressTasks(file, plain_projects([3, 4]))
    sent = list(tasks)
    assert tasks.total == len(sent) == 6
    assert [task.data["image"] for task in sent[::2]] == VALUES
    assert [task.id for task in sent[::2]] == ["line 2", "line 4", "line 5"]


def test_addresses_from_stdin_whose_failures_show_no_signature(bench: Bench) -> None:
    bench.backend.broken[VALUES[0]] = ("image_unreachable", "no connection")
    result = bench.run("--urls", "-", stdin=LINES.removeprefix("\ufeff"))
    assert (result.exit_code, sorted(bench.backend.values())) == (1, sorted(VALUES))
    assert "project 1, task line 2: no connection (image_unreachable)" in result.stderr
    assert "secret" not in result.output
    assert {body["project"] for body in bench.backend.bodies} == {"1"}
