"""Downloads, from a real server that behaves in every way servers do."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import pytest
from tenacity import wait_none

from segmenters.checkpoints.download import Patience, cannot_write, download
from testing.file_server import Reply, Server, cut, dripping, gzipped, ranges, said, stalling
from values.errors import ModelError

CONTENT = bytes(range(256)) * 1024
HALF = len(CONTENT) // 2
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# A test waits for no back-off and hardly for a stall.
HASTY = Patience(connect_s=5, stall_s=5, attempts=3, worth=1024, wait=wait_none())
STALLED = Patience(connect_s=5, stall_s=0.2, attempts=1, wait=wait_none())


class Told:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int | None]] = []

    def __call__(self, done: int, total: int | None) -> None:
        self.steps.append((done, total))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "weights.pt"


def get(
    server: Server,
    target: Path,
    patience: Patience = HASTY,
    *,
    sha256: str = SHA256,
    size: int | None = len(CONTENT),
    path: str = "/weights.pt",
) -> Told:
    told = Told()
    download(server.url + path, target, sha256=sha256, size=size, progress=told, patience=patience)
    return told


def left_nothing_else(target: Path) -> bool:
    return [each.name for each in target.parent.iterdir()] == [target.name]


def test_a_file_arrives_whole(target: Path) -> None:
    with Server(ranges(CONTENT)) as server:
        told = get(server, target)
        [request] = server.requests
    assert target.read_bytes() == CONTENT
    assert left_nothing_else(target)
    assert told.steps[0] == (0, len(CONTENT))
    assert told.steps[-1] == (len(CONTENT), len(CONTENT))
    assert request.headers["accept-encoding"] == "identity"
    assert "range" not in request.headers


def test_a_size_need_not_be_known(target: Path) -> None:
    with Server(said(200, CONTENT, Content_Length="")) as server:
        told = get(server, target, size=None)
    assert target.read_bytes() == CONTENT
    assert told.steps[0] == (0, None)
    assert told.steps[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.slow
@pytest.mark.parametrize("bad", [cut(CONTENT, HALF), stalling(CONTENT, HALF)], ids=["cut", "stall"])
def test_an_interrupted_download_goes_on_where_it_was(target: Path, bad: Reply) -> None:
    patience = Patience(stall_s=2, attempts=3, wait=wait_none())
    with Server(bad, ranges(CONTENT)) as server:
        told = get(server, target, patience)
        assert server.ranges() == [None, f"bytes={HALF}-"]
        assert server.requests[1].headers["if-range"] == '"1"'
    assert target.read_bytes() == CONTENT
    assert (HALF, len(CONTENT)) in told.steps
    assert left_nothing_else(target)


def test_a_later_call_goes_on_as_well(target: Path) -> None:
    with Server(cut(CONTENT, HALF), ranges(CONTENT)) as server:
        with pytest.raises(ModelError, match="what is there so far is kept"):
            get(server, target, Patience(attempts=1))
        assert not target.exists()
        get(server, target)
        assert server.ranges() == [None, f"bytes={HALF}-"]
    assert target.read_bytes() == CONTENT


def test_the_time_of_the_last_change_tells_versions_apart_where_there_is_no_strong_tag(target: Path) -> None:
    when = "Wed, 01 Jan 2025 00:00:00 GMT"
    weak = said(200, CONTENT[:HALF], ETag='W/"1"', Last_Modified=when, Content_Length=str(len(CONTENT)))
    with Server(weak, ranges(CONTENT, 'W/"1"', Last_Modified=when)) as server:
        get(server, target)
        assert server.requests[1].headers["if-range"] == when
    assert target.read_bytes() == CONTENT


def test_without_a_version_it_starts_over(target: Path) -> None:
    with Server(cut(CONTENT, HALF, etag=""), ranges(CONTENT)) as server:
        get(server, target)
        assert server.ranges() == [None, None]
    assert target.read_bytes() == CONTENT


def test_another_version_starts_over(target: Path) -> None:
    with Server(cut(b"x" * len(CONTENT), HALF, etag='"0"'), ranges(CONTENT)) as server:
        get(server, target)
        assert server.requests[1].headers["if-range"] == '"0"'
        assert len(server.requests) == 2
    assert target.read_bytes() == CONTENT


def test_a_part_from_another_address_is_of_no_use(target: Path) -> None:
    with Server(cut(CONTENT, HALF), ranges(CONTENT)) as server:
        with pytest.raises(ModelError):
            get(server, target, Patience(attempts=1))
        get(server, target, path="/elsewhere/weights.pt")
        assert server.ranges() == [None, None]
    assert target.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_starts_over(target: Path) -> None:
    with Server(cut(CONTENT, HALF), said(200, CONTENT)) as server:
        get(server, target)
        assert server.ranges() == [None, f"bytes={HALF}-"]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "answer",
    [
        said(416),
        said(206, CONTENT, Content_Range=f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"),
        said(206, CONTENT[HALF:]),
    ],
    ids=["416", "another part", "no Content-Range"],
)
def test_an_answer_that_is_not_the_rest_starts_over(target: Path, answer: Reply) -> None:
    with Server(cut(CONTENT, HALF), answer, ranges(CONTENT)) as server:
        get(server, target)
        assert server.ranges() == [None, f"bytes={HALF}-", None]
    assert target.read_bytes() == CONTENT


def test_a_damaged_part_starts_over(target: Path) -> None:
    with Server(cut(b"x" * len(CONTENT), HALF), ranges(CONTENT)) as server:
        get(server, target)
        assert server.ranges() == [None, f"bytes={HALF}-", None]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("note", ["{", "[]", "[" * 100_000, '{"source": 1}', "\0"])
def test_a_damaged_note_about_the_part_starts_over(target: Path, note: str) -> None:
    target.parent.mkdir()
    target.with_name("weights.pt.part").write_bytes(CONTENT[:HALF])
    target.with_name("weights.pt.part.json").write_text(note)
    with Server(ranges(CONTENT)) as server:
        get(server, target)
        assert server.ranges() == [None]
    assert target.read_bytes() == CONTENT


def test_a_note_cannot_smuggle_headers(target: Path) -> None:
    target.parent.mkdir()
    target.with_name("weights.pt.part").write_bytes(CONTENT[:HALF])
    with Server(ranges(CONTENT)) as server:
        note = {"source": f"{server.url}/weights.pt", "version": '"1"\r\nX-Other: 1'}
        target.with_name("weights.pt.part.json").write_text(json.dumps(note))
        get(server, target)
        assert server.ranges() == [None]


def test_a_part_that_is_whole_needs_no_server(target: Path) -> None:
    target.parent.mkdir()
    target.with_name("weights.pt.part").write_bytes(CONTENT)
    with Server(said(500)) as server:
        get(server, target)
        assert server.requests == []
    assert target.read_bytes() == CONTENT
    assert left_nothing_else(target)


def test_a_part_of_the_right_length_but_damaged_starts_over(target: Path) -> None:
    target.parent.mkdir()
    target.with_name("weights.pt.part").write_bytes(b"x" * len(CONTENT))
    with Server(ranges(CONTENT)) as server:
        get(server, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_asked_again(target: Path, status: int) -> None:
    with Server(said(status), said(status), ranges(CONTENT)) as server:
        get(server, target)
    assert target.read_bytes() == CONTENT


def test_a_server_that_stays_in_trouble_is_given_up(target: Path) -> None:
    with Server(said(503)) as server:
        with pytest.raises(ModelError, match=r"cannot download weights\.pt from http.*: it answers 503; "):
            get(server, target)
        assert len(server.requests) == HASTY.attempts


def test_every_step_forward_renews_the_patience(target: Path) -> None:
    step = len(CONTENT) // 8

    def next_step(start: int) -> Reply:
        span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        length = str(len(CONTENT) - start)
        piece = CONTENT[start : start + step]
        return said(206, piece, Content_Range=span, Content_Length=length, ETag='"1"')

    with Server(cut(CONTENT, step), *(next_step(step * at) for at in range(1, 8))) as server:
        get(server, target, Patience(attempts=2, worth=step, wait=wait_none()))
        assert len(server.requests) == 8
    assert target.read_bytes() == CONTENT


def test_going_in_circles_is_no_step_forward(target: Path) -> None:
    replies = [cut(CONTENT, HALF, etag=f'"{version}"') for version in range(20)]
    with Server(*replies) as server:
        with pytest.raises(ModelError, match="the connection broke"):
            get(server, target)
        assert len(server.requests) == HASTY.attempts


def test_a_stall_ends_in_a_sentence(target: Path) -> None:
    with Server(stalling(CONTENT, HALF)) as server, pytest.raises(ModelError, match="it stopped sending"):
        get(server, target, STALLED)


def test_a_drip_is_a_stall(target: Path) -> None:
    """On a machine that stands still for a moment it is one between two drops."""
    given_up = "it (sends next to nothing|stopped sending)"
    with Server(dripping(CONTENT, 10)) as server, pytest.raises(ModelError, match=given_up):
        get(server, target, STALLED)


@pytest.mark.parametrize(("status", "said_of_it"), [(404, "no such file"), (403, "login"), (418, "address")])
def test_a_refusal_is_not_asked_again(target: Path, status: int, said_of_it: str) -> None:
    with Server(said(status)) as server:
        with pytest.raises(ModelError, match=rf"/weights\.pt answers {status}: .*{said_of_it}"):
            get(server, target)
        assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_a_web_page_is_no_file(target: Path) -> None:
    with Server(said(200, b"<html>Log in", Content_Type="text/html; charset=utf-8")) as server:
        with pytest.raises(ModelError, match="answers with a web page"):
            get(server, target, size=None)
        assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_a_wrong_hash_leaves_nothing(target: Path) -> None:
    wrong = b"x" * len(CONTENT)
    with Server(ranges(wrong)) as server:
        with pytest.raises(ModelError) as caught:
            get(server, target)
        assert len(server.requests) == 1
    for part in ("weights.pt", hashlib.sha256(wrong).hexdigest(), SHA256, "mirror", server.url):
        assert part in caught.value.detail
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("length", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_another_length_is_refused_before_it_is_downloaded(target: Path, length: int) -> None:
    with Server(said(200, CONTENT, Content_Length=str(length))) as server:
        with pytest.raises(ModelError, match=rf"a file of {length} bytes, expected {len(CONTENT)}"):
            get(server, target)
        assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_a_length_that_is_a_lie_is_noticed_without_knowing_the_size(target: Path) -> None:
    short = said(200, CONTENT, Content_Length=str(len(CONTENT) - 1))
    with Server(short) as server, pytest.raises(ModelError, match="is not the expected file"):
        get(server, target, size=None)
    long = said(200, CONTENT, Content_Length=str(len(CONTENT) + 1))
    with Server(long) as server, pytest.raises(ModelError, match="the connection broke"):
        get(server, target, Patience(attempts=1), size=None)


@pytest.mark.parametrize("sent", [CONTENT[:-1], CONTENT + b"x"], ids=["less", "more"])
def test_a_wrong_length_that_nobody_announced_is_noticed(target: Path, sent: bytes) -> None:
    reply = said(200, sent, Content_Length="")
    with Server(reply) as server, pytest.raises(ModelError, match=r"ends early|more than the whole"):
        get(server, target, sha256=SHA256)
    assert not target.exists()


def test_a_compressed_answer_is_unpacked(target: Path) -> None:
    with Server(gzipped(CONTENT)) as server:
        get(server, target)
    assert target.read_bytes() == CONTENT


def test_a_damaged_compressed_answer_ends_in_a_sentence(target: Path) -> None:
    reply = said(200, b"no gzip", Content_Encoding="gzip")
    with Server(reply) as server, pytest.raises(ModelError, match="compressed answer is damaged"):
        get(server, target)


def test_redirects_are_followed(target: Path) -> None:
    with Server(ranges(CONTENT)) as other, Server(said(302, Location=f"{other.url}/there")) as server:
        get(server, target)
        assert [request.target for request in other.requests] == ["/there"]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("/again", "redirects more than 10 times"),
        ("ftp://elsewhere.test/file", "redirects to ftp://elsewhere.test/file, which is no https address"),
        ("http://elsewhere.test:99999/", "redirects to"),
    ],
)
def test_redirects_to_nowhere_end_in_a_sentence(target: Path, to: str, sentence: str) -> None:
    with Server(said(302, Location=to)) as server, pytest.raises(ModelError, match=sentence):
        get(server, target)


def test_nobody_there_ends_in_a_sentence(target: Path) -> None:
    with Server(said(200)) as server:
        url = server.url
    with pytest.raises(ModelError, match=r"no connection \(.*refused"):
        download(f"{url}/w.pt", target, sha256=SHA256, size=None, progress=Told(), patience=HASTY)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/w",
        "w.pt",
        "http://",
        "http://a.test:99999/w",
        f"http://{'a' * 70}.test/w",
        "",
    ],
)
def test_what_is_no_address_ends_in_a_sentence(target: Path, url: str) -> None:
    with pytest.raises(ModelError, match="correct it"):
        download(url, target, sha256=SHA256, size=None, progress=Told(), patience=HASTY)


def test_no_sentence_holds_a_secret(target: Path) -> None:
    with Server(said(404), said(500), said(200, b"x")) as server:
        url = server.url.replace("http://", "http://USER:CANARY@") + "/w.pt?token=CANARY#CANARY"
        for _ in range(3):
            with pytest.raises(ModelError) as caught:
                download(
                    url, target, sha256=SHA256, size=None, progress=Told(), patience=Patience(attempts=1)
                )
            assert "CANARY" not in caught.value.detail
            assert f"{server.url}/w.pt" in caught.value.detail
        assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_a_part_remembers_no_secret(target: Path) -> None:
    with Server(cut(CONTENT, HALF)) as server, pytest.raises(ModelError):
        get(server, target, Patience(attempts=1), path="/w.pt?token=CANARY")
    note = target.with_name("weights.pt.part.json").read_text()
    assert "CANARY" not in note
    assert "/w.pt" in note


def test_the_proxy_of_the_environment_is_asked(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(ranges(CONTENT)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        url = "http://checkpoints.test/weights.pt"
        download(url, target, sha256=SHA256, size=None, progress=Told(), patience=HASTY)
        assert [request.target for request in proxy.requests] == [url]
    assert target.read_bytes() == CONTENT


def test_a_proxy_that_is_none_ends_in_a_sentence(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://x")
    with pytest.raises(ModelError, match="check HTTP_PROXY"):
        download("http://a.test/w", target, sha256=SHA256, size=None, progress=Told(), patience=HASTY)


def test_certificates_that_are_none_end_in_a_sentence(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    with pytest.raises(ModelError, match="SSL_CERT_FILE"):
        download("https://a.test/w", target, sha256=SHA256, size=None, progress=Told(), patience=HASTY)


def test_what_the_disk_cannot_hold_is_not_begun(target: Path) -> None:
    with Server(ranges(CONTENT)) as server:
        with pytest.raises(ModelError, match=r"needs \d+ MiB more in .*MODEL_DIR"):
            get(server, target, size=10**18)
        assert server.requests == []
    endless = said(200, CONTENT, Content_Length=str(10**18))
    with Server(endless) as server, pytest.raises(ModelError, match=r"needs \d+ MiB more"):
        get(server, target, size=None)
    assert list(target.parent.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs Linux's device that is always full")
def test_a_disk_that_fills_up_ends_in_a_sentence(target: Path) -> None:
    target.parent.mkdir()
    target.with_name("weights.pt.part").symlink_to("/dev/full")
    with Server(ranges(CONTENT)) as server, pytest.raises(ModelError) as caught:
        get(server, target)
    assert str(target) in caught.value.detail
    assert "No space left" in caught.value.detail
    assert "free some space" in caught.value.detail
    assert "MODEL_DIR" in caught.value.detail


def test_a_folder_that_is_a_file_ends_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    for target in (tmp_path / "models" / "w.pt", tmp_path / "models" / "deeper" / "w.pt"):
        with Server(ranges(CONTENT)) as server, pytest.raises(ModelError) as caught:
            get(server, target)
        assert str(target) in caught.value.detail
        assert "set MODEL_DIR to a folder that can be written" in caught.value.detail


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_ends_in_a_sentence() -> None:
    with (
        Server(ranges(CONTENT)) as server,
        pytest.raises(ModelError, match=r"cannot write /proc/.*MODEL_DIR"),
    ):
        get(server, Path("/proc/self/models/w.pt"), size=None)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_the_remedy_for_a_place_that_is_not_ours(number: int) -> None:
    error = cannot_write(Path("/models/w.pt"), OSError(number, "Reason"))
    assert error.detail == (
        "cannot write /models/w.pt: Reason; set MODEL_DIR to a folder that can be written"
    )
