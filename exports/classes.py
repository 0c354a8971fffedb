"""The classes of a data set: the labels of the config's controls that draw areas, in the config's order."""

from __future__ import annotations

from collections.abc import Iterable

from protocol.label_config import LabelConfig

UNNAMED = "object"
"""The one class of a project whose regions have no labels."""

_AREAS = ("Brush", "Bitmask", "Polygon", "Rectangle", "Ellipse")


class Classes:
    """Class names by their ids, from 0. ``names``: as regions spell them: the alias where a label has one.

    Labels that are not in the config, such as those that come from a task's data, or that were taken out of
    it, get the next ids in the order in which they are met.
    """

    def __init__(self, names: Iterable[str], *, unlabelled: bool = False) -> None:
        self.names = list(dict.fromkeys(names))
        self.configured = len(self.names)
        self._unlabelled = unlabelled
        self._ids = {name: number for number, name in enumerate(self.names)}

    @classmethod
    def of(cls, config: LabelConfig) -> Classes:
        """The classes of a labeling config, the labels of ``<Labels>`` among them."""
        drawing = [
            control
            for control in config.controls
            if control.tag.removesuffix("Labels") in _AREAS or control.tag == "Labels"
        ]
        names = [label.spelling for control in drawing for label in control.labels]
        if names or any(control.dynamic for control in drawing):
            return cls(names)
        return cls([UNNAMED], unlabelled=True)

    @property
    def unlabelled(self) -> str | None:
        """The class of regions without a label, in a project without labels; else None."""
        return UNNAMED if self._unlabelled else None

    @property
    def met(self) -> list[str]:
        """Those that are not in the config."""
        return self.names[self.configured :]

    def meet(self, names: Iterable[str]) -> None:
        """Take in labels that an earlier run met."""
        for name in names:
            self.id_of(name)

    def id_of(self, name: str) -> int:
        """The id of a class, a new one for a name that was not met before."""
        if name not in self._ids:
            self._ids[name] = len(self.names)
            self.names.append(name)
        return self._ids[name]
