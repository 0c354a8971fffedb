from __future__ import annotations

import pytest

from label_studio.pages import site_of_page, task_page


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("http://localhost:8080/projects/3/data?tab=7", "http://localhost:8080"),
        ("http://localhost:8080/projects/3", "http://localhost:8080"),
        ("http://localhost:8080/projects/", "http://localhost:8080"),
        ("https://a.org/studio/projects/3/settings/ml", "https://a.org/studio"),
        ("https://a.org/user/account/personal-access-token", "https://a.org"),
        ("https://me:secret@a.org/user/login/", "https://a.org"),
    ],
)
def test_the_site_of_a_page_is_what_is_in_front_of_it(address: str, site: str) -> None:
    assert site_of_page(address) == site


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8080",
        "https://a.org/studio",
        "https://a.org/projects/studio",
        "/projects/3",
        "http://[",
    ],
)
def test_a_site_is_no_page_of_its_own(address: str) -> None:
    assert site_of_page(address) is None


def test_where_a_task_is_opened() -> None:
    assert task_page("http://host:8080", 3, "12") == "http://host:8080/projects/3/data?task=12"
    assert task_page("https://host/studio/", "3", 12) == "https://host/studio/projects/3/data?task=12"
