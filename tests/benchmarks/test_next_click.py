from __future__ import annotations

from benchmarks.click.next_click import MANY, SIDES, config, row, table
from tests.benchmarks.printing import printed


def test_the_two_sides_differ_in_what_is_imported_alone() -> None:
    served, plain = config()["applications"]
    assert (served["route_prefix"], plain["route_prefix"]) == ("/", "/plain")
    differ = {key for key in served if served[key] != plain[key]}
    assert differ == {"name", "route_prefix", "import_path"}


def test_a_ratio_is_of_medians_and_judged_by_the_number_of_annotators() -> None:
    before, after = SIDES
    one = row(1, {before: [40.0, 60.0, 50.0], after: [40.0, 41.0, 39.0]}, None)
    many = row(MANY, {before: [200.0] * 10, after: [210.0] * 10}, 2.0)
    assert one.ratio == 1.25
    assert many.per_s[before] == 5.0
    shown = printed(table("mobile_sam", [one, many]))
    assert shown.count("missed") == 2
