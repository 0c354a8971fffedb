"""The checkpoints that the models' publishers give away: URL, SHA-256, size and licence of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segmenters.architectures import Family


@dataclass(frozen=True, slots=True)
class Published:
    """The checkpoint of a model as its publisher gives it.

    ``model``: its name in ``segmenters.architectures.ARCHITECTURES``. ``url``: https, the publisher's.
    ``sha256``: of the whole file, lower case hex. ``size``: in bytes. ``source``: the independent records
    that ``sha256`` and ``size`` are taken from; no publisher states them itself.
    """

    model: str
    url: str
    sha256: str
    size: int
    source: str

    @property
    def filename(self) -> str:
        """The publisher's own name of the file, which mirrors and the model folder keep."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of a family's weights: its SPDX id, who grants it, the URL of its text."""

    spdx: str
    holder: str
    url: str


_META = "https://dl.fbaipublicfiles.com"
_SAM = f"{_META}/segment_anything"
_SAM2 = f"{_META}/segment_anything_2/072824"
_SAM21 = f"{_META}/segment_anything_2/092824"
# A commit, not a branch: what a branch serves may change.
_MOBILE_SAM = (
    "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM"
    "/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights"
)

# Public code that checks these hashes after a download from the publisher's URL.
_SLICER = "mazurowski-lab/SlicerSegmentWithSAM SegmentWithSAM.py"
_MICRO_SAM = "computational-cell-analytics/micro-sam micro_sam/v2/util.py"
_GETI = "open-edge-platform/geti-instant-learn"
_SECOND = "a second record of the same value"
_SIZE_OF_SAM2 = "size: third-party listings of the same files"

# The six hex digits in the names of SAM's files are not the beginning of their SHA-256.
PUBLISHED: Mapping[str, Published] = {
    each.model: each
    for each in (
        Published(
            "sam_vit_b",
            f"{_SAM}/sam_vit_b_01ec64.pth",
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            375_042_383,
            f"{_SLICER}; {_SECOND}",
        ),
        Published(
            "sam_vit_l",
            f"{_SAM}/sam_vit_l_0b3195.pth",
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            1_249_524_607,
            f"{_SLICER}; {_SECOND}",
        ),
        Published(
            "sam_vit_h",
            f"{_SAM}/sam_vit_h_4b8939.pth",
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            2_564_550_879,
            f"{_SLICER}; {_GETI}",
        ),
        Published(
            "mobile_sam",
            f"{_MOBILE_SAM}/mobile_sam.pt",
            "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
            40_728_226,
            f"{_GETI}; {_SECOND}",
        ),
        Published(
            "sam2_hiera_tiny",
            f"{_SAM2}/sam2_hiera_tiny.pt",
            "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
            155_906_050,
            f"{_SLICER}; {_SECOND}",
        ),
        Published(
            "sam2_hiera_small",
            f"{_SAM2}/sam2_hiera_small.pt",
            "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
            184_309_650,
            f"{_SLICER}; {_SECOND}",
        ),
        Published(
            "sam2_hiera_base_plus",
            f"{_SAM2}/sam2_hiera_base_plus.pt",
            "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
            323_493_298,
            f"{_SLICER}; {_SECOND}",
        ),
        Published(
            "sam2_hiera_large",
            f"{_SAM2}/sam2_hiera_large.pt",
            "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
            897_952_466,
            f"{_SLICER}; {_SECOND}",
        ),
        Published(
            "sam2.1_hiera_tiny",
            f"{_SAM21}/sam2.1_hiera_tiny.pt",
            "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
            156_008_466,
            f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
        ),
        Published(
            "sam2.1_hiera_small",
            f"{_SAM21}/sam2.1_hiera_small.pt",
            "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
            184_416_285,
            f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
        ),
        Published(
            "sam2.1_hiera_base_plus",
            f"{_SAM21}/sam2.1_hiera_base_plus.pt",
            "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
            323_606_802,
            f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
        ),
        Published(
            "sam2.1_hiera_large",
            f"{_SAM21}/sam2.1_hiera_large.pt",
            "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
            898_083_611,
            f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
        ),
    )
}

LICENCES: Mapping[Family, Licence] = {
    Family.SAM: Licence(
        "Apache-2.0",
        "Meta Platforms, Inc.",
        "https://github.com/facebookresearch/segment-anything/blob/main/LICENSE",
    ),
    Family.MOBILE_SAM: Licence(
        "Apache-2.0",
        "the authors of MobileSAM",
        "https://github.com/ChaoningZhang/MobileSAM/blob/master/LICENSE",
    ),
    Family.SAM2: Licence(
        "Apache-2.0", "Meta Platforms, Inc.", "https://github.com/facebookresearch/sam2/blob/main/LICENSE"
    ),
}


def size_of(sha256: str | None) -> int | None:
    """Bytes of the published checkpoint with this SHA-256, or None when it is not a published one."""
    return next((each.size for each in PUBLISHED.values() if each.sha256 == sha256), None)
