from __future__ import annotations

import numpy as np
import pytest

from finders.projection import WIDTH, Fitting, Projection, Stepped
from testing.found_things import FoundThings
from tests.finders.samples import EAST, WEST, found_of


@pytest.fixture(scope="module")
def projection() -> Projection:
    fitting = Fitting()
    for found in FoundThings().images(8):
        fitting.add(found)
    assert fitting.fitted is not None
    return fitting.fitted


def test_products_stay_about_what_they_were(projection: Projection) -> None:
    [found] = FoundThings().images(1, seed=5)  # which it was not fitted to
    vectors = found.vectors.astype(np.float32)
    exact = vectors @ vectors[:4].T
    made = projection.of(vectors) @ projection.of(vectors[:4]).T
    at_random, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(512, WIDTH)))
    worse = (vectors @ at_random) @ (vectors[:4] @ at_random).T
    assert projection.basis.shape == (512, WIDTH)
    assert projection.images == 8
    assert np.abs(made - exact).mean() < 0.07 < np.abs(worse - exact).mean()


def test_vectors_of_few_numbers_stay_as_they_are() -> None:
    fitting = Fitting()
    fitting.add(found_of([EAST, WEST, (0.6, 0.8)]))
    fitted = fitting.fitted
    assert fitted is not None
    made = fitted.of(np.array([EAST, (0.6, 0.8)]))
    assert made @ made.T == pytest.approx(np.array([[1, 0.6], [0.6, 1]]), abs=1e-6)


def test_of_no_box_there_is_no_projection() -> None:
    fitting = Fitting()
    fitting.add(found_of([]))
    assert fitting.fitted is None


def test_other_bases_have_other_ids(projection: Projection) -> None:
    assert projection.id == Projection(projection.basis.copy(), 3).id
    assert projection.id != Projection(-projection.basis, 8).id


def test_a_byte_a_number_is_exact_to_half_a_step() -> None:
    projected = np.array([[0.5, -0.25, 0.001], [0, 0, 0], [-3, 1, 2]], np.float32)
    stepped = Stepped.of(projected)
    assert stepped.numbers.dtype == np.int8
    back = stepped.numbers * stepped.steps.astype(np.float32)[:, None]
    assert np.abs(back - projected).max(1).tolist() <= [0.51 * 0.5 / 127, 0, 0.51 * 3 / 127]
