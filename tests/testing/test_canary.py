"""The canary's watch sees every way out of a secret, and lets the test that leaked fail."""

from __future__ import annotations

import base64
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from label_studio.tokens import is_personal
from testing.canary import CANARY, Watch, listening
from testing.running_app import ROOT, inherited, running_app
from tests.imaging.servers import LabelStudio, Request, Server, jwt
from values.errors import ImageMissing

# Another secret than the tests': what leaks here must not let these tests fail.
SECRET = "finch-0b6d2f8c41"

# Each ends in a leak, but for the last: a file of tests as anybody might write them.
LEAKING = """
import logging, sys
import pytest
from testing.canary import CANARY, WATCH
from tests.imaging.servers import Request, Server
from values.errors import ImageMissing

def test_logged(): logging.getLogger("some.library").debug("asked with %s", CANARY)
def test_printed(): print("Token " + CANARY)
def test_printed_as_an_error(): sys.stderr.write("Token " + CANARY)
def test_raised():
    with pytest.raises(ImageMissing):
        raise ImageMissing("no image at /a.png?token=" + CANARY)
async def test_sent():
    async with Server() as server:
        server.requests.append(Request("GET", "/a.png", {"authorization": "Token " + CANARY}, b""))
def test_written(tmp_path):
    (tmp_path / "worker.log").write_text(CANARY)
    WATCH.look_in_folder(tmp_path, "the application's temporary folder")
@pytest.fixture
def closing():
    yield
    print(CANARY)
def test_printed_at_its_end(closing): pass
def test_quiet(): logging.getLogger("some.library").debug("asked"); print("asked")
"""


@pytest.mark.slow
def test_a_test_that_leaks_fails_and_the_one_after_it_does_not(tmp_path: Path) -> None:
    file = tmp_path / "test_leaking.py"
    file.write_text(LEAKING)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest"]
    command += ["-p", "no:cacheprovider", "--basetemp", str(tmp_path / "base"), "-q", str(file)]
    run = subprocess.run(
        command, cwd=ROOT, env=inherited(), capture_output=True, text=True, timeout=120, check=False
    )
    leaking = re.findall(r"def (test_\w+)", LEAKING)[:-1]
    for name in leaking:
        outcome = "ERROR" if name == "test_printed_at_its_end" else "FAILED"
        assert re.search(rf"^{outcome} .*::{name} ", run.stdout, re.MULTILINE), (name, run.stdout)
    assert "::test_quiet" not in run.stdout
    assert f"{len(leaking) - 1} failed, 2 passed, 1 error" in run.stdout
    for place in ("a log record of some.library at DEBUG", "the text of ImageMissing", "worker.log of"):
        assert f"a secret is in {place}" in run.stdout


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Token {SECRET}",
        "Basic " + base64.b64encode(f"ann:{SECRET}".encode()).decode(),
        "Basic " + base64.b64encode(f"anna:{SECRET}".encode()).decode(),
        "Basic " + base64.b64encode(f"annie:{SECRET}".encode()).decode(),
        jwt(token_type="refresh", jti=SECRET).split(".")[1],
        "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhbnkgb2YgdGhlbSJ9.cut-off",
    ],
    ids=["as it is", "base64", "base64, one further", "base64, two further", "a claim", "any other JWT"],
)
def test_a_secret_is_seen_under_every_guise_and_not_repeated(text: str) -> None:
    watch = Watch(SECRET)
    watch.look(f"before {text} after {text}", "a text")
    [said] = watch.take()
    assert said.startswith("a secret is in a text: before ")
    assert SECRET not in said
    assert watch.take() == []


def test_what_is_no_secret_is_not_seen() -> None:
    watch = Watch(SECRET)
    for text in ("", SECRET[:-1], "Bearer eyJhbGciOiJIUzI1NiJ9", base64.b64encode(b"ann:pass").decode()):
        watch.look(text, "a text")
    assert watch.take() == []


def test_a_secret_that_is_told_later_is_seen_as_well() -> None:
    watch = Watch(SECRET)
    watch.look("wren-of-a-real-server", "a text")
    assert watch.keep("wren-of-a-real-server") == "wren-of-a-real-server"
    watch.look("wren-of-a-real-server", "a text")
    assert len(watch.take()) == 1
    with pytest.raises(ValueError, match="less than 12 characters"):
        watch.keep("pass")


def test_log_records_are_heard_at_debug_and_handled_as_before(caplog: pytest.LogCaptureFixture) -> None:
    watch, logger = Watch(SECRET), logging.getLogger("testing.canary.heard")
    before = list(logging.getLogger().handlers)
    with listening(watch):
        logger.debug("%s", SECRET)
        logger.info("%(key)s", {"key": SECRET})
        try:
            raise ValueError(SECRET)
        except ValueError:
            logger.exception("failed")
        logger.debug("not %d", "formattable")
        logger.debug("quiet")
    assert [said.split(":")[0] for said in watch.take()] == [
        f"a secret is in a log record of testing.canary.heard at {level}"
        for level in ("DEBUG", "INFO", "ERROR")
    ]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert logging.getLogger().handlers == before


def test_a_library_that_was_told_to_be_quiet_is_not_heard_but_the_deployments_are() -> None:
    watch = Watch(SECRET)
    with listening(watch), pytest.MonkeyPatch.context() as patch:
        for name in ("testing.canary.told", "ray.serve"):
            patch.setattr(logging.getLogger(name), "level", logging.WARNING)
        logging.getLogger("testing.canary.told.below").info(SECRET)
        assert watch.take() == []
        logging.getLogger("ray.serve").debug(SECRET)
        assert len(watch.take()) == 1


def test_errors_are_heard_where_they_are_made() -> None:
    watch = Watch(SECRET)
    with listening(watch):
        ImageMissing(f"no {SECRET}")
        ImageMissing("no image")
    ImageMissing(f"no {SECRET}")
    [said] = watch.take()
    assert "the text of ImageMissing" in said


def test_files_are_looked_into_whatever_they_are(tmp_path: Path) -> None:
    watch = Watch(SECRET)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "state.bin").write_bytes(b"\xff\x00" + SECRET.encode() + b"\x00\xff")
    (tmp_path / "quiet.log").write_text("asked")
    (tmp_path / "link.log").symlink_to(tmp_path / "nowhere")
    watch.look_in_folder(tmp_path, "a folder")
    [said] = watch.take()
    assert "deep/er/state.bin of a folder" in said


@pytest.mark.slow
def test_what_an_application_wrote_is_looked_into_when_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(SECRET)
    monkeypatch.setattr("testing.running_app.WATCH", watch)
    # A config that does not exist: it says the name and ends before Ray starts.
    with pytest.raises(AssertionError, match="ended with 1"), running_app(tmp_path / SECRET):
        pass
    [said] = watch.take()
    assert "serve.log of the application's temporary folder" in said


async def test_a_server_that_is_no_label_studio_must_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(SECRET)
    monkeypatch.setattr("tests.imaging.servers.WATCH", watch)
    told = [
        Request("GET", f"/a.png?token={SECRET}", {}, b""),
        Request("GET", "/a.png", {"cookie": f"session={SECRET}"}, b""),
        Request("POST", "/", {}, SECRET.encode()),
    ]
    for request in told:
        async with Server() as server:
            server.requests.append(request)
        [said] = watch.take()
        assert f"a request to {server.url}" in said
    async with LabelStudio() as label_studio:
        label_studio.requests += told
    assert watch.take() == []


def test_the_tokens_of_the_tests_hold_the_canary() -> None:
    label_studio = LabelStudio()
    for token in (label_studio.legacy_token, label_studio.personal_token, jwt()):
        watch = Watch(CANARY)
        watch.look(token, "a text")
        assert len(watch.take()) == 1
    assert is_personal(label_studio.personal_token)
    assert not is_personal(label_studio.legacy_token)
