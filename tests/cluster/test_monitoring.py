"""The dashboard and the alerts: what they ask for exists, and each alert fires where it should."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser
import pytest
import yaml

from deployments.metrics import COUNTERS, GAUGES, HISTOGRAMS
from testing.dashboard import panels, queries
from testing.prometheus import MONITORING, NOT_INSTALLED, is_installed, promtool

RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
EXPRESSIONS = [*((rule["alert"], rule["expr"]) for rule in RULES), *queries()]

OURS = {
    **{f"ray_{name}_total": tags for name, (_, tags) in COUNTERS.items()},
    **{f"ray_{name}": tags for name, (_, tags) in GAUGES.items()},
    **{
        f"ray_{name}_{part}": (*tags, *(("le",) if part == "bucket" else ()))
        for name, (_, tags) in HISTOGRAMS.items()
        for part in ("bucket", "sum", "count")
    },
}
SERVES = {"application", "deployment", "replica"}

needs_promtool = pytest.mark.skipif(not is_installed(), reason=NOT_INSTALLED)


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    """Every metric that an expression reads."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool | None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    yield from found


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=lambda each: each[:40])
def test_each_query_is_promql_about_metrics_and_tags_that_exist(title: str, expression: str) -> None:
    read = list(selectors(expression))
    assert read
    for each in read:
        assert each.name, title
        if each.name.startswith("ray_sam_"):
            assert each.name in OURS, f"{title}: there is no {each.name}"
            tags = {matcher.name for matcher in each.matchers.matchers}
            assert tags <= {*OURS[each.name], *SERVES}, f"{title}: {each.name} has no such tag"


def test_a_query_about_something_else_is_found() -> None:
    [each] = selectors("sum by (a) (rate(ray_sam_klicks_total{code='ok'}[5m]))")
    assert each.name == "ray_sam_klicks_total"
    assert each.name not in OURS
    with pytest.raises(ValueError, match="parenthesis"):
        promql_parser.parse("sum by (a (b)")


def test_every_metric_of_ours_is_in_a_panel() -> None:
    read = {each.name for _, expression in queries() for each in selectors(expression)}
    bare = {f"ray_{name}" for name in HISTOGRAMS}
    missing = {name for name in OURS if name not in read and not name.endswith(("_bucket", "_sum", "_count"))}
    missing |= {name for name in bare if f"{name}_bucket" not in read}
    assert not missing


def test_panels_have_a_title_a_sentence_and_a_place_of_their_own() -> None:
    titles = [each["title"] for each in panels()]
    assert len(set(titles)) == len(titles) >= 20
    taken: set[tuple[int, int]] = set()
    for each in panels():
        assert each["description"].endswith("."), each["title"]
        place = each["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, each["title"]
        assert all(0 <= x < 24 for x, _ in cells), each["title"]
        taken |= cells


def test_each_alert_says_what_it_is_and_what_to_do() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 10
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        assert all(text.endswith(".") for text in rule["annotations"].values()), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]


def test_each_alert_is_tested_both_ways() -> None:
    tests = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    expected = {
        (each["alertname"], bool(each["exp_alerts"])) for test in tests for each in test["alert_rule_test"]
    }
    assert expected == {(name, fires) for name in NAMES for fires in (True, False)}


@needs_promtool
@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", str(MONITORING / "prometheus.yml")),
        ("check", "rules", str(MONITORING / "alerts.yaml")),
        ("test", "rules", str(MONITORING / "alerts_test.yaml")),
    ],
    ids=" ".join,
)
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    done = promtool(*words)
    assert done.returncode == 0, done.stdout + done.stderr
