from __future__ import annotations

from pathlib import Path

from serve_app.cli.connect import images
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio


def test_an_image_is_known_again_by_what_label_studio_makes_of_its_name() -> None:
    name = images.upload_name(Path("my cät (1).PNG"), b"content")
    assert name.endswith(".png")
    stored = f"/data/upload/3/1a2b3c4d-{name}"
    assert images.digest_of(stored) == images.digest_of(name) is not None
    assert images.digest_of(images.upload_name(Path("other.png"), b"content")) == images.digest_of(name)
    assert images.digest_of(images.upload_name(Path("my cät (1).PNG"), b"changed")) != images.digest_of(name)
    assert images.digest_of("/data/upload/3/1a2b3c4d-holiday.png") is None
    assert len(images.upload_name(Path("x" * 300 + ".jpeg"), b"")) < 70


def test_images_are_imported_once_and_in_batches(fake: FakeLabelStudio, tmp_path: Path) -> None:
    for number in range(45):
        (tmp_path / f"{number:02}.png").write_bytes(bytes([number]))
    (tmp_path / "copy.png").write_bytes(bytes([7]))
    known = images.upload_name(Path("00.png"), bytes([0]))
    fake.tasks = [{"id": number, "data": {"text": "hello", "n": 3}} for number in range(1, 601)]
    fake.tasks.append({"id": 700, "data": {"image": f"/data/upload/1/1a2b3c4d-{known}"}})
    done: list[int] = []
    assert images.import_new(fake.studio(), 1, images.find(tmp_path), done.append) == (44, 2)
    assert sum(done) == 46
    assert fake.changes == ["POST /api/projects/1/import"] * 3


def test_nothing_new_is_not_uploaded(fake: FakeLabelStudio, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    name = images.upload_name(Path("a.png"), b"a")
    fake.tasks = [{"id": 1, "data": {"image": name}}]
    assert images.import_new(fake.studio(), 1, images.find(tmp_path), lambda _: None) == (0, 1)
    assert fake.changes == []
