from __future__ import annotations

import pytest

from segmenters.model_names import NAMES, known, wanted
from segmenters.options import ModelOptions
from values.errors import ModelError


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_taken_as_it_is(name: str) -> None:
    assert wanted(ModelOptions(model=f" {name.upper()} ")) == name


@pytest.mark.parametrize(
    ("choice", "name"), [("SAM", "sam_vit_h"), ("MobileSAM", "mobile_sam"), ("ONNX", "onnx"), (None, "auto")]
)
def test_the_sam_examples_variable(choice: str | None, name: str) -> None:
    assert wanted(ModelOptions.model_validate({"sam_choice": choice})) == name


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("configs/sam2.1/sam2.1_hiera_l.yaml", "sam2.1_hiera_large"),
        ("configs/sam2.1/sam2.1_hiera_b+.yaml", "sam2.1_hiera_base_plus"),
        ("sam2.1_hiera_t", "sam2.1_hiera_tiny"),
        ("configs/sam2/sam2_hiera_s.yaml", "sam2_hiera_small"),
        ("sam2_hiera_l.yaml", "sam2_hiera_large"),
    ],
)
def test_the_sam_2_examples_variable(config: str, name: str) -> None:
    assert wanted(ModelOptions(sam2_config=config)) == name


def test_a_name_counts_more_than_the_examples_variables() -> None:
    assert wanted(ModelOptions(model="classical", sam_choice="SAM", sam2_config="x.yaml")) == "classical"


def test_variables_that_disagree_are_both_named() -> None:
    with pytest.raises(ModelError, match="SAM_CHOICE means sam_vit_h and MODEL_CONFIG means sam2_hiera_tiny"):
        wanted(ModelOptions(sam_choice="SAM", sam2_config="sam2_hiera_t.yaml"))


@pytest.mark.parametrize("config", ["sam2_hiera_xl.yaml", "sam2.1_hiera_l.yaml.bak", "", "/"])
def test_an_unknown_config_has_an_example(config: str) -> None:
    with pytest.raises(ModelError, match=r"none of SAM 2's configs.*sam2\.1_hiera_l\.yaml"):
        wanted(ModelOptions(sam2_config=config))


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"'clasical'.*did you mean classical\?.*auto, classical"):
        known("clasical")
    with pytest.raises(ModelError, match="one of: auto") as error:
        known("zzz" * 1000)
    assert "did you mean" not in error.value.detail
    assert len(error.value.detail) < 500
