"""The journal keeps the newest failures of each project, bounded."""

from deployments import journal
from deployments.journal import ENTRIES, PROJECTS, Failure


def new_journal() -> journal.Journal:
    return journal.Journal()


def failure(project: str, sentence: str = "why") -> Failure:
    return Failure(project, "42", "/predict", "image_missing", 404, sentence, "")


def test_newest_first_and_bounded_per_project() -> None:
    kept = new_journal()
    for number in range(ENTRIES + 5):
        kept.record(failure("3", str(number)))
    sentences = [each.sentence for each in kept.failures("3")["3"]]
    assert (len(sentences), sentences[0], sentences[-1]) == (ENTRIES, str(ENTRIES + 4), "5")


def test_the_project_that_failed_longest_ago_is_forgotten() -> None:
    kept = new_journal()
    for number in range(PROJECTS):
        kept.record(failure(str(number)))
    kept.record(failure("0"))
    kept.record(failure("new"))
    assert ("0" in kept.failures(None), "1" in kept.failures(None)) == (True, False)


def test_one_project_or_all() -> None:
    kept = new_journal()
    kept.record(failure("3"))
    kept.record(failure("4"))
    assert set(kept.failures(None)) == {"3", "4"}
    assert set(kept.failures("3")) == {"3"}
    assert kept.failures("5") == {}


def test_a_warning_is_cleared_by_a_config_without_one() -> None:
    kept = new_journal()
    kept.warn("3", ["no Image tag"])
    assert kept.warnings(None) == {"3": ["no Image tag"]}
    kept.warn("3", [])
    assert kept.warnings(None) == {}


def test_the_token_of_each_project_is_the_newest_one_bounded() -> None:
    kept = new_journal()
    for number in range(PROJECTS + 1):
        kept.offer(str(number), f"token {number}")
    kept.offer("1", "newer")
    assert (kept.offered("0"), kept.offered("1"), kept.offered("2")) == (None, "newer", "token 2")
