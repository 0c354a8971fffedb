"""What the durable tier costs, by hand and by the code."""

from __future__ import annotations

import pytest

from serve_app.capacity.archive import Archive
from serve_app.capacity.costs import Card

SAM = Archive(100_000_000, 4)


def test_a_hundred_million_images() -> None:
    assert SAM.gib == 390_625
    assert SAM.month == pytest.approx(51_200 * 0.023 + 339_425 * 0.022)
    assert SAM.writing == pytest.approx(500)
    assert SAM.lists == 200_000
    assert SAM.sweep == pytest.approx(1)
    assert SAM.sweep_hours(1) == pytest.approx(8 * SAM.sweep_hours(8))
    assert SAM.sweep_hours(8) == pytest.approx(200_000 * 0.15 / 8 / 3600)


def test_the_last_step_of_the_price_has_no_end() -> None:
    large = Archive(100_000_000, 16)
    assert large.month == pytest.approx(51_200 * 0.023 + 460_800 * 0.022 + (1_562_500 - 512_000) * 0.021)


def test_few_images_take_a_list_each_time() -> None:
    assert (Archive(1, 4).lists, Archive(1001, 4).lists) == (2, 4)


def test_hours_and_days() -> None:
    assert SAM.encoding_hours("mobile_sam", Card.NONE, 1000) == pytest.approx(97_000 / 3600)
    # .97 s of a core at 4 cents an hour, against 4 MiB at some 2.2 cents a GiB and month.
    assert SAM.worth_days("mobile_sam", Card.NONE) == pytest.approx(3.7, rel=0.05)
    assert SAM.worth_days("sam_vit_h", Card.A100) == pytest.approx(SAM.worth_days("sam_vit_h", Card.H100))
