from __future__ import annotations

import pytest

from serve_app.misspelt import misspelt

KNOWN = {"LABEL_STUDIO_URL", "MODEL", "DEVICE", "PORT", "HOST", "COMPILE", "WORKERS"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LABEL_STUDIO_ULR", "LABEL_STUDIO_URL"),
        ("LABELSTUDIO_URL", "LABEL_STUDIO_URL"),
        ("LABEL_STUDIO_URLS", "LABEL_STUDIO_URL"),
        ("LABEL_STUDIO_UR", "LABEL_STUDIO_URL"),
        ("label_studio_ulr", "LABEL_STUDIO_URL"),
        ("MODLE", "MODEL"),
        ("DEVCE", "DEVICE"),
        ("DEWICE", "DEVICE"),
        ("PROT", "PORT"),
    ],
)
def test_one_slip_is_seen(name: str, meant: str) -> None:
    assert list(misspelt({name: "x"}, KNOWN)) == [(name.upper(), meant)]


@pytest.mark.parametrize(
    "name",
    ["DEVICES", "COMPILER", "WORKER", "MODELS", "HOME", "POST", "HOSTS", "LABEL_STUDIO_PORT", "PATH", "A"],
)
def test_other_words_are_none_of_ours(name: str) -> None:
    assert list(misspelt({name: "x"}, KNOWN)) == []


def test_what_is_empty_or_set_rightly_too_is_no_slip() -> None:
    assert list(misspelt({"MODLE": ""}, KNOWN)) == []
    assert list(misspelt({"MODLE": "a", "MODEL": "b"}, KNOWN)) == []
