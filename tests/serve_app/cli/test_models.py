from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from finders.catalogue import FINDERS, FinderModel
from segmenters.checkpoints.digest import sidecar
from segmenters.model import LICENCES, Published
from segmenters.models import ARCHITECTURES, PUBLISHED
from serve_app.cli.main import app
from serve_app.reference import commands_table
from testing.doc_blocks import lines_with
from testing.file_server import Exchange, Server, ranges, said
from testing.running_app import ROOT
from testing.weights import checkpoints

CONTENT = b"weights" * 10_000
NAME, OTHER = "mobile_sam", "sam2.1_hiera_tiny"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL_DIR", "CHECKPOINT_MIRROR", "OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _small_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models whose publisher gives a small file."""
    for name in (NAME, OTHER):
        url = f"https://publisher.test/{PUBLISHED[name].filename}"
        small = Published(url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "these tests")
        monkeypatch.setitem(cast(dict[str, Published], PUBLISHED), name, small)


@pytest.fixture
def mirror() -> Iterator[Server]:
    with Server(ranges(CONTENT)) as server:
        yield server


def run(command: str, folder: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["models", command, "--model-dir", str(folder), *arguments])
    return result.exit_code, result.stdout, result.stderr


def file_of(folder: Path, name: str = NAME) -> Path:
    return folder / PUBLISHED[name].filename


def test_list_shows_every_model_and_what_is_on_disk(tmp_path: Path) -> None:
    file_of(tmp_path).write_bytes(CONTENT)
    file_of(tmp_path, OTHER).write_bytes(b"half")
    status, output, _ = run("list", tmp_path)
    assert status == 0
    states = {line.split()[0]: line.rstrip() for line in output.splitlines() if line.strip()}
    assert set(ARCHITECTURES) <= set(states)
    assert states[NAME].endswith("on disk")
    assert states[OTHER].endswith("damaged")
    assert states["sam_vit_h"].endswith("missing")
    assert "641.1 M" in states["sam_vit_h"]
    assert "2445.7 MiB" in states["sam_vit_h"]
    assert states["classical"].endswith("always there")
    for licence in LICENCES.values():
        assert f"{licence.spdx}, {licence.holder}, {licence.url}" in output


def test_list_as_json_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file_of(tmp_path).write_bytes(CONTENT)
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    result = CliRunner().invoke(app, ["models", "list", "--json"])
    said_of = json.loads(result.stdout)
    assert said_of["model_dir"] == str(tmp_path)
    states = {each["model"]: each["state"] for each in said_of["models"]}
    assert list(states) == [*ARCHITECTURES, *FINDERS, "classical"]
    assert states[NAME] == "on disk"
    assert {states[name] for name in ARCHITECTURES} == {"on disk", "missing"}
    assert {states[name] for name in FINDERS} == {"missing"}


def test_download_from_a_mirror(tmp_path: Path, mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKPOINT_MIRROR", f"{mirror.url}/sam/")
    folder = tmp_path / "models"
    status, output, errors = run("download", folder, NAME, OTHER, NAME)
    assert status == 0, errors
    assert [each.target for each in mirror.requests] == [
        f"/sam/{PUBLISHED[name].filename}" for name in (NAME, OTHER)
    ]
    assert file_of(folder).read_bytes() == CONTENT
    assert f"{NAME}: downloaded, SHA-256 as published: {file_of(folder)}" in output
    assert f"{NAME}: 0.1 of 0.1 MiB, 100 %" in errors


def test_download_again_says_that_it_is_there(tmp_path: Path, mirror: Server) -> None:
    file_of(tmp_path).write_bytes(CONTENT)
    status, output, _ = run("download", tmp_path, NAME, "--mirror", mirror.url)
    assert (status, mirror.requests) == (0, [])
    assert f"{NAME}: already there, SHA-256 as published" in output


def test_download_all_asks_for_every_model(tmp_path: Path) -> None:
    with Server(said(404)) as server:
        status, _, errors = run("download", tmp_path, "--all", "--mirror", server.url)
        assert {each.target for each in server.requests} == {
            f"/{each.filename}" for each in PUBLISHED.values()
        }
    assert status == 1
    assert len([line for line in errors.splitlines() if "answers 404" in line]) == len(PUBLISHED)


def test_one_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    def only_one(exchange: Exchange) -> None:
        good = exchange.path == f"/{PUBLISHED[OTHER].filename}"
        (ranges(CONTENT) if good else said(404))(exchange)

    with Server(only_one) as server:
        status, output, errors = run("download", tmp_path, NAME, OTHER, "--mirror", server.url)
    assert status == 1
    assert f"{OTHER}: downloaded" in output
    assert "answers 404: there is no such file; check CHECKPOINT_MIRROR" in errors


def test_another_file_of_that_name_is_not_replaced(tmp_path: Path, mirror: Server) -> None:
    file_of(tmp_path).write_bytes(b"fine-tuned")
    status, _, errors = run("download", tmp_path, NAME, "--mirror", mirror.url)
    assert status == 1
    assert "delete it so that it is downloaded again" in errors
    assert file_of(tmp_path).read_bytes() == b"fine-tuned"


@pytest.mark.parametrize("command", ["download", "verify"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mobil_sam", "no model is called 'mobil_sam' (did you mean mobile_sam?)"),
        ("SAM_VIT_H", "did you mean sam_vit_h?"),
        ("zzz", "no model is called 'zzz'; see `python -m serve_app models list`"),
        ("classical", "classical needs no weights"),
    ],
)
def test_a_name_that_has_no_weights(tmp_path: Path, command: str, name: str, sentence: str) -> None:
    status, output, errors = run(command, tmp_path, name)
    assert status == 1
    assert sentence in output + errors


def test_download_needs_a_name(tmp_path: Path) -> None:
    status, _, errors = run("download", tmp_path)
    assert status == 2
    assert "Name a model, or give --all" in errors


def test_offline_nothing_is_downloaded(
    tmp_path: Path, mirror: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLINE", "true")
    status, _, errors = run("download", tmp_path, NAME, "--mirror", mirror.url)
    assert (status, mirror.requests) == (1, [])
    assert "OFFLINE" in errors


def test_verify_reads_the_file_and_not_what_is_remembered(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    file.write_bytes(CONTENT)
    assert run("verify", tmp_path)[:2] == (0, f"ok       {NAME}: {file} is the publisher's file\n")
    found = file.stat()
    file.write_bytes(b"x" * len(CONTENT))
    remembered = {"size": len(CONTENT), "mtime_ns": file.stat().st_mtime_ns, "inode": found.st_ino}
    sidecar(file).write_text(json.dumps(remembered | {"sha256": PUBLISHED[NAME].sha256}))
    status, output, _ = run("verify", tmp_path)
    assert status == 1
    assert output.startswith(f"problem  {NAME}: {file} has the SHA-256")
    assert PUBLISHED[NAME].sha256 in output


def test_verify_as_json(tmp_path: Path) -> None:
    file_of(tmp_path).write_bytes(CONTENT)
    file_of(tmp_path, OTHER).write_bytes(b"half")
    status, output, _ = run("verify", tmp_path, "--json")
    said_of = json.loads(output)
    assert (status, said_of["ok"]) == (1, False)
    assert {each["model"]: each["ok"] for each in said_of["models"]} == {NAME: True, OTHER: False}


def test_verify_what_is_missing(tmp_path: Path) -> None:
    assert run("verify", tmp_path)[:2] == (0, f"there is no checkpoint in {tmp_path}\n")
    status, output, _ = run("verify", tmp_path, NAME)
    assert status == 1
    assert f"run `python -m serve_app models download {NAME}`" in output


def test_nobodys_home_ends_in_a_sentence() -> None:
    status, _, errors = run("list", Path("~no_such_user_here"))
    assert status == 1
    assert "set MODEL_DIR" in errors


def test_each_command_of_the_group_has_a_section_in_the_docs() -> None:
    sections = [line for line in commands_table().splitlines() if line.startswith("## ")]
    assert {"## serve", "## models list", "## models download", "## models verify"} <= set(sections)
    assert "## models" not in sections


def test_what_auto_chose_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "auto.json").write_text("{}")
    assert run("forget", tmp_path)[:2] == (0, "auto chooses again at the next start\n")
    assert not (tmp_path / "auto.json").exists()
    assert run("forget", tmp_path)[:2] == (0, "auto has chosen nothing yet\n")


@pytest.mark.slow
def test_the_lines_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = checkpoints.write(NAME, tmp_path / "published.pt").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = cast(dict[str, Published], PUBLISHED)
    monkeypatch.setitem(known, NAME, replace(known[NAME], sha256=digest, size=len(content)))
    folder = tmp_path / "models"
    with Server(ranges(content)) as server:
        env = {"MODEL_DIR": str(folder), "CHECKPOINT_MIRROR": server.url}
        said = ""
        for line in lines_with(ROOT / "docs" / "models.md", "-m serve_app models"):
            words = line.partition("#")[0].split()
            result = CliRunner().invoke(app, words[words.index("models") :], env=env)
            assert result.exit_code == 0, f"{line}\n{result.output}"
            said += result.stdout
    assert f"{NAME}: downloaded, SHA-256 as published" in said
    assert "mobile_sam.pt is the publisher's file" in said
    assert len(list(folder.glob(f"exports/{NAME}-*/*coder-*/model.onnx"))) == 2


FINDER = "owlv2_base"


@pytest.fixture
def small_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector both of whose files are small, and of whose weights nobody states the hash."""
    known = FINDERS[FINDER]
    weights = replace(known.weights, sha256=None, size=None)
    merges = replace(known.merges, sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
    small = replace(known, weights=weights, merges=merges)
    monkeypatch.setitem(cast(dict[str, FinderModel], FINDERS), FINDER, small)


@pytest.mark.usefixtures("small_finder")
def test_a_detector_s_files_are_downloaded_and_verified(tmp_path: Path, mirror: Server) -> None:
    status, output, errors = run("download", tmp_path, FINDER, "--mirror", mirror.url)
    assert status == 0, errors
    assert f"{FINDER}: downloaded, SHA-256 which no one states, as at the first download" in output
    assert [each.target for each in mirror.requests] == [
        f"/{FINDER}/model.safetensors",
        f"/{FINDER}/merges.txt",
    ]
    assert f"{FINDER}: already there" in run("download", tmp_path, FINDER, "--mirror", mirror.url)[1]
    status, output, _ = run("verify", tmp_path)
    assert (status, "has the files of the first download" in output) == (0, True)
    (tmp_path / FINDER / "model.safetensors").write_bytes(b"other")
    status, output, _ = run("verify", tmp_path, FINDER)
    assert (status, "has the SHA-256" in output) == (1, True)


def test_of_a_detector_nothing_is_exported_and_a_missing_one_is_said(tmp_path: Path) -> None:
    status, _, errors = run("export", tmp_path, FINDER)
    assert (status, "is a detector, of which nothing is exported" in errors) == (1, True)
    status, output, _ = run("verify", tmp_path, FINDER)
    assert (status, f"models download {FINDER}" in output) == (1, True)
