from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.classical.boundaries import boundary_strength
from segmenters.classical.hierarchy import Hierarchy


def _halves() -> NDArray[np.uint8]:
    lab = np.full((48, 66, 3), 128, np.uint8)
    lab[..., 0] = 80
    lab[:, 33:, 0] = 180
    return np.asarray(lab + np.random.default_rng(0).integers(0, 4, lab.shape, np.uint8), np.uint8)


def _hierarchy(lab: NDArray[np.uint8], color: float = 0.5, growth: float = 0.2) -> Hierarchy:
    return Hierarchy.of(lab, boundary_strength(lab), color, growth)


def test_one_of_the_regions_that_hold_a_cell_is_the_thing() -> None:
    tree = _hierarchy(_halves())
    right = np.zeros((48, 66), np.bool_)
    right[:, 33:] = True
    masks = [mask for mask, _ in tree.regions(50, 20)]
    assert all(mask[20, 50] for mask in masks)
    assert max(np.count_nonzero(mask & right) / np.count_nonzero(mask | right) for mask in masks) > 0.97


def test_each_region_is_a_range_of_leaves_and_its_children_make_it_up() -> None:
    tree = _hierarchy(_halves())
    total = len(tree.parent)
    root = total - 1
    assert tree.mask(root).all()
    for region in range(root):
        parent = int(tree.parent[region])
        assert parent > region or region <= int(tree.last[root])
        assert tree.first[parent] <= tree.first[region] <= tree.last[region] <= tree.last[parent]
        assert tree.height[region] == tree.made[parent]
        assert tree.made[region] <= tree.height[region]
    children: dict[int, list[int]] = {}
    for region in range(root):
        children.setdefault(int(tree.parent[region]), []).append(region)
    for parent, pair in children.items():
        np.testing.assert_array_equal(tree.mask(parent), tree.mask(pair[0]) ^ tree.mask(pair[1]))


def test_regions_of_one_size_are_the_one_that_lasts_longest() -> None:
    areas = [np.count_nonzero(mask) for mask, _ in _hierarchy(_halves()).regions(10, 10)]
    assert len({int(np.log(area) / 0.25) for area in areas}) == len(areas)


def test_what_is_mostly_inside_a_box() -> None:
    tree = _hierarchy(_halves())
    inside = np.zeros((48, 66), np.bool_)
    inside[:, 30:] = True
    [found] = tree.mostly(inside, 0.7, [0.9])
    assert found[:, 35:].all()
    assert not found[:, :25].any()


def test_it_comes_back_from_plain_arrays() -> None:
    tree = _hierarchy(_halves())
    again = Hierarchy.from_arrays(tree.arrays("tree"), "tree")
    for field in ("leaves", "first", "last", "parent"):
        np.testing.assert_array_equal(getattr(tree, field), getattr(again, field))
    for field in ("height", "made"):
        np.testing.assert_allclose(getattr(tree, field), getattr(again, field), atol=2e-4)
    assert {array.dtype for array in tree.arrays("tree").values()} == {np.dtype(np.uint16)}


def test_the_same_picture_has_the_same_hierarchy() -> None:
    first, second = _hierarchy(_halves()), _hierarchy(_halves())
    np.testing.assert_array_equal(first.leaves, second.leaves)
    np.testing.assert_array_equal(first.height, second.height)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 3), (2, 300), (300, 1)])
def test_pictures_of_any_size(shape: tuple[int, int]) -> None:
    tree = _hierarchy(np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8))
    assert tree.leaves.shape == shape
    assert tree.mask(len(tree.parent) - 1).all()
    assert all(not mask.all() for mask, _ in tree.regions(0, 0))
