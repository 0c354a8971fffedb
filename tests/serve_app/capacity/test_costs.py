"""The figures are those of the docs, and the models exist."""

from __future__ import annotations

from pathlib import Path

from segmenters.models import MODELS as KNOWN
from serve_app.capacity.costs import MODELS, SHARES, Card

PERFORMANCE = (Path(__file__).resolve().parents[3] / "docs" / "performance.md").read_text()


def test_every_model_is_one() -> None:
    assert set(MODELS) <= set(KNOWN)


def test_every_card_but_none_has_a_share() -> None:
    assert set(SHARES) == set(Card) - {Card.NONE}
    assert all(0 < share <= 1 for share in SHARES.values())


def test_encoders_on_cpu_take_what_was_measured() -> None:
    for name in ("mobile_sam", "sam2.1_hiera_tiny", "sam_vit_b"):
        rows = [line for line in PERFORMANCE.splitlines() if line.startswith(f"| `{name}` |")]
        seconds = f"{MODELS[name].encode_s:.2f}".lstrip("0")
        assert any(f"| {seconds}, IoU" in row for row in rows)


def test_gpus_are_aimed_at_what_the_docs_aim_at() -> None:
    said = " ".join(PERFORMANCE.split())
    aims = [f"{MODELS[name].per_h200_s}" for name in ("sam_vit_h", "sam2.1_hiera_large")]
    assert "Aims on one H200" in said
    assert f"ViT-H {aims[0]} images/s, SAM 2.1 large {aims[1]}" in said
    assert f"base+ {MODELS['sam2.1_hiera_base_plus'].per_h200_s}" in said
    assert f"tiny {MODELS['sam2.1_hiera_tiny'].per_h200_s}" in said


def test_a_click_takes_what_was_measured() -> None:
    assert f"| decode, resample, region | {MODELS['mobile_sam'].decode_s * 1000:.0f}" in PERFORMANCE
