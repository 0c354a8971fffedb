"""Stands in for ``ray.serve.metrics``: remembers what is counted, observed and set, and checks the tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

Sample = tuple[str, float, dict[str, str]]


@dataclass
class RecordedMetrics:
    """All samples of all metrics, in the order in which they came: (name, value, tags)."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def module(self) -> SimpleNamespace:
        """To be put in place of ``deployments.metrics.metrics``."""
        return SimpleNamespace(Counter=self._made, Histogram=self._made, Gauge=self._made)

    def total(self, name: str, **tags: str) -> float:
        """The sum of a metric's samples that have these tags."""
        return sum(value for _, value, had in self.named(name) if tags.items() <= had.items())

    def named(self, name: str) -> list[Sample]:
        """The samples of one metric."""
        return [each for each in self.samples if each[0] == name]

    def _made(
        self, name: str, description: str, tag_keys: tuple[str, ...], boundaries: Sequence[float] = ()
    ) -> _Metric:
        assert list(boundaries) == sorted(boundaries)
        return _Metric(name, tag_keys, self.samples)


@dataclass(frozen=True)
class _Metric:
    name: str
    tag_keys: tuple[str, ...]
    samples: list[Sample]

    def inc(self, value: float = 1.0, tags: Mapping[str, str] | None = None) -> None:
        assert value > 0, f"Ray refuses to count {value}"
        self.observe(value, tags)

    def observe(self, value: float, tags: Mapping[str, str] | None = None) -> None:
        assert set(tags or {}) == set(self.tag_keys), f"{self.name} has other tags than {tags}"
        self.samples.append((self.name, value, dict(tags or {})))

    set = observe
