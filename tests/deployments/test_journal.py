"""The journal keeps the newest failures of each project, bounded, however many threads use it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.journal import (
    CONFIG_LIMIT,
    CONFIGS_BYTES,
    ENTRIES,
    PROJECTS,
    SHORT_LIMIT,
    TOKEN_LIMIT,
    WARNINGS,
    Failure,
    Journal,
    is_kept,
)
from values.one_line import SENTENCE_LIMIT


def failure(project: str, sentence: str = "why") -> Failure:
    return Failure(project, "42", "/predict", "image_missing", 404, sentence, "")


def test_newest_first_and_bounded_per_project() -> None:
    kept = Journal()
    for number in range(ENTRIES + 5):
        kept.record(failure("3", str(number)))
    sentences = [each.sentence for each in kept.failures("3")["3"]]
    assert (len(sentences), sentences[0], sentences[-1]) == (ENTRIES, str(ENTRIES + 4), "5")


def test_a_click_without_a_mask_is_a_line_where_the_application_was_started() -> None:
    lines: list[str] = []
    kept = Journal(lines.append)
    kept.record(failure("3", "cannot read the image: the host is away; start it"))
    kept.record(Failure("", "", "/predict", "overloaded", 503, "9 clicks in 1 s: too many", ""))
    kept.record(Failure("3", "42", "warm", "image_missing", 404, "nobody waits for it", ""))
    assert [line.split(maxsplit=3)[3] for line in lines] == [
        "project 3, task 42: cannot read the image: the host is away; start it",
        "overloaded: 9 clicks in 1 s: too many",
    ]
    assert {line[:7] for line in lines} == {"no mask"}


def test_the_project_that_failed_longest_ago_is_forgotten() -> None:
    kept = Journal()
    for number in range(PROJECTS):
        kept.record(failure(str(number)))
    kept.record(failure("0"))
    kept.record(failure("new"))
    assert ("0" in kept.failures(None), "1" in kept.failures(None)) == (True, False)


def test_one_project_or_all() -> None:
    kept = Journal()
    kept.record(failure("3"))
    kept.record(failure("4"))
    assert set(kept.failures(None)) == {"3", "4"}
    assert set(kept.failures("3")) == {"3"}
    assert kept.failures("5") == {}


def test_a_warning_is_cleared_by_a_config_without_one() -> None:
    kept = Journal()
    kept.warn("3", ["no Image tag"])
    assert kept.warnings(None) == {"3": ["no Image tag"]}
    kept.warn("3", [])
    assert kept.warnings(None) == {}


def test_the_token_of_each_project_is_the_newest_one_bounded() -> None:
    kept = Journal()
    for number in range(PROJECTS + 1):
        kept.offer(str(number), f"token {number}")
    kept.offer("1", "newer")
    assert (kept.offered("0"), kept.offered("1"), kept.offered("2")) == (None, "newer", "token 2")


def test_the_labeling_config_of_each_project_is_the_newest_one_bounded() -> None:
    kept = Journal()
    for number in range(PROJECTS + 1):
        kept.configure(str(number), f"<View{number}/>")
    kept.configure("1", "<View/>")
    assert (kept.configured("0"), kept.configured("1"), kept.configured("2")) == (None, "<View/>", "<View2/>")


def test_large_labeling_configs_drive_each_other_out() -> None:
    kept = Journal()
    count = CONFIGS_BYTES // CONFIG_LIMIT + 1
    for number in range(count):
        kept.configure(str(number), "x" * CONFIG_LIMIT)
    there = [str(number) for number in range(count) if kept.configured(str(number))]
    assert there == [str(number) for number in range(2, count)]
    kept.configure(there[-1], "x" * (CONFIG_LIMIT + 1))
    assert kept.configured(there[-1]) is None


def test_memory_is_counted_and_not_characters() -> None:
    """A character may have four bytes, also those beside an odd one."""
    kept = Journal()
    assert not is_kept("\U0001f600" * (CONFIG_LIMIT // 4 + 1))
    odd = "\U0001f600" + "x" * (CONFIG_LIMIT - 4)
    for number in range(100):
        kept.configure(str(number), odd)
    assert sum(kept.configured(str(number)) is not None for number in range(100)) < CONFIGS_BYTES / 4 / len(
        odd
    )


@pytest.mark.slow
def test_what_diagnose_is_told_fits_one_message() -> None:
    kept = Journal()
    for number in range(PROJECTS):
        for entry in range(ENTRIES):
            sentence = f"{number} {entry} " + "ä" * 500
            kept.record(
                Failure(f"{number}é" * 9, f"{entry}" * 32, "/predict", "code", 404, sentence, sentence)
            )
        kept.warn(str(number), [f"{number} {entry} " + "ö" * 500 for entry in range(WARNINGS)])
    failures, warnings = kept.failures(None), kept.warnings(None)
    assert len(failures) > 50
    assert len(warnings) > 40
    assert f"{PROJECTS - 1}é" * 9 in failures
    assert 2**20 < len(pickle.dumps(failures)) < 4 * 2**20 - 2**16
    assert len(pickle.dumps(warnings)) < 4 * 2**20 - 2**16


def test_a_failure_is_short_and_on_one_line_wherever_it_goes() -> None:
    long = Failure("p" * 1000, "t" * 1000, "r" * 1000, "c" * 1000, 404, "s" * 10**6, "i\n" * 1000)
    assert {len(text) for text in (long.project, long.task, long.route, long.code)} == {SHORT_LIMIT}
    assert (len(long.sentence), len(long.request_id)) == (SENTENCE_LIMIT, SHORT_LIMIT)
    odd = Failure("3\r\n4", "", "", "", 404, "a\x1b[31m\nb\u2028c", "")
    assert (odd.project, odd.sentence) == ("3\\r\\n4", "a\\x1b[31m\\nb\\u2028c")


def test_warnings_are_few_and_short() -> None:
    kept = Journal()
    kept.warn("3", ["x\n" * 10**5] * 1000)
    warnings = kept.warnings("3")["3"]
    assert len(warnings) == WARNINGS
    assert warnings[-1] == f"and {1000 - WARNINGS + 1} more"
    assert max(len(warning) for warning in warnings) <= SENTENCE_LIMIT
    assert warnings[0].isprintable()


def test_what_is_no_project_or_no_token_is_not_kept() -> None:
    kept = Journal()
    kept.offer("3", "t" * (TOKEN_LIMIT + 1))
    kept.offer("4", "é" * (TOKEN_LIMIT // 2))
    kept.offer("p" * 1000, "t")
    kept.warn("p" * 1000, ["x"])
    kept.configure("p" * 1000, "<View/>")
    assert (kept.offered("3"), kept.offered("4"), kept.offered("p" * 1000)) == (None, "é" * 2048, None)
    assert (kept.warnings(None), kept.configured("p" * 1000)) == ({}, None)


class Interrupting(str):
    """A project's name that lets another thread write as soon as it is compared with a kept one."""

    write: Callable[[], None]

    def __eq__(self, other: object) -> bool:
        writer = threading.Thread(target=self.write)
        writer.start()
        # Time enough to write, if the journal lets it; where it does not, it writes afterwards.
        writer.join(0.1)
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.slow
@pytest.mark.parametrize("what", ["failures", "warnings"])
def test_who_reads_is_not_disturbed_by_who_writes(what: str) -> None:
    """Serve runs the methods in threads: "OrderedDict mutated during iteration" lost the report."""
    kept = Journal()
    written = threading.Semaphore(0)
    for name in ("3", "4", "5"):
        kept.record(failure(name))
        kept.warn(name, ["x"])

    def write() -> None:
        kept.record(failure("new" + str(threading.get_ident())))
        kept.warn("new" + str(threading.get_ident()), ["x"])
        written.release()

    project = Interrupting("4")
    project.write = write
    assert set(getattr(kept, what)(project)) == {"4"}
    for _ in range(3):
        assert written.acquire(timeout=30)


def test_many_threads_at_once() -> None:
    kept = Journal()

    def use(number: int) -> None:
        for turn in range(50):
            name = str(number * 50 + turn)
            kept.record(failure(name))
            kept.warn(name, ["x"])
            kept.offer(name, "token")
            kept.configure(name, "x" * 2**16)
            kept.failures(None)
            kept.warnings(None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert sum(len(entries) for entries in kept.failures(None).values()) == 8 * 50
