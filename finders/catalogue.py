"""The detectors by name, and the files that their publisher gives away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finders.architecture import BASE_16, LARGE_14, Architecture
from segmenters.model import Licence


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file as its publisher gives it.

    ``url``: https, the publisher's. ``sha256``: of the whole file, lower case hex, and ``size``: in bytes;
    both None where no independent record of them was found. ``source``: these records.
    """

    url: str
    sha256: str | None
    size: int | None
    source: str

    @property
    def filename(self) -> str:
        """The publisher's own name of the file."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class FinderModel:
    """One detector.

    ``weights``: of both halves, safetensors. ``merges``: what the tokenizer is made of. ``parameters``:
    millions of them.
    """

    name: str
    architecture: Architecture
    weights: PublishedFile
    merges: PublishedFile
    parameters: float


LICENCE = Licence(
    "Apache-2.0",
    "Google LLC",
    "https://github.com/google-research/scenic/blob/main/LICENSE",
)
"""Of the weights; the project that published them says so, and so do their model cards."""

_GOOGLE = "https://huggingface.co/google"
# A commit, not a branch: what a branch serves may change.
_BASE = f"{_GOOGLE}/owlv2-base-patch16-ensemble/resolve/cfd3195ba4ea9592eec887ded089f4c08eff231d"
_LARGE = f"{_GOOGLE}/owlv2-large-patch14-ensemble/resolve/main"

_MERGES = "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a"
_MERGES_SIZE = 524_619
_MERGES_SOURCE = (
    "public lists of the tokenizer files of CLIP, whose vocabulary it is; the same bytes are made of OpenAI's"
    " bpe_simple_vocab_16e6.txt, as the package clip-anytorch 2.6.0 holds it"
)

FINDERS: Mapping[str, FinderModel] = {
    each.name: each
    for each in (
        FinderModel(
            "owlv2_base",
            BASE_16,
            PublishedFile(
                f"{_BASE}/model.safetensors",
                "e1e130b9e404cf91a75ad45644c1da9d7fa5284085eecc864266a6923efb99e7",
                619_918_824,
                "four public projects that check this hash of this commit after a download",
            ),
            PublishedFile(f"{_BASE}/merges.txt", _MERGES, _MERGES_SIZE, _MERGES_SOURCE),
            155.0,
        ),
        FinderModel(
            "owlv2_large",
            LARGE_14,
            PublishedFile(f"{_LARGE}/model.safetensors", None, None, "none was found"),
            PublishedFile(f"{_LARGE}/merges.txt", _MERGES, _MERGES_SIZE, _MERGES_SOURCE),
            437.6,
        ),
    )
}
"""The first is the default."""
