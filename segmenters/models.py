"""The models by name: a further model is a row here, and its file."""

from __future__ import annotations

from collections.abc import Mapping

from segmenters.architectures import Architecture, Family
from segmenters.model import Model, Published
from segmenters.options import ModelOptions


def _sam(
    architecture: Architecture,
    published: Published,
    *,
    encoder_mib: int,
    rank_on_gpu: int = 0,
    rank_on_cpu: int = 0,
) -> Model:
    """A model of the Segment Anything family; its widths are in ``segmenters.networks``."""
    pixels_mib, embedding_mib = (12, 16) if architecture.family.as_sam2 else (3, 4)
    if architecture.family is Family.HQ_SAM:
        embedding_mib = 12
    return Model(
        architecture.name,
        "segmenters.sam.segmenter",
        encoder_mib,
        pixels_mib,
        embedding_mib,
        gpu=True,
        rank_on_gpu=rank_on_gpu,
        rank_on_cpu=rank_on_cpu,
        architecture=architecture,
        published=published,
    )


_META = "https://dl.fbaipublicfiles.com"
_SAM = f"{_META}/segment_anything"
_SAM2 = f"{_META}/segment_anything_2/072824"
_SAM21 = f"{_META}/segment_anything_2/092824"
# A commit, not a branch: what a branch serves may change.
_MOBILE_SAM = (
    "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM"
    "/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights"
)

_EDGETAM = (
    "https://raw.githubusercontent.com/facebookresearch/EdgeTAM"
    "/7711e012a30a2402c4eaab637bdb00a521302c91/checkpoints"
)
# The authors' own copy: their releases on GitHub have files whose SHA-256 nobody states.
_TINYSAM = "https://huggingface.co/xinghaochen/tinysam/resolve/main"

# The authors' own copy, which their repository links to; it also has files on Google Drive.
_HQ_SAM = "https://huggingface.co/lkeab/hq-sam/resolve/main"

# Public code that checks these hashes after a download from the publisher's URL.
_SLICER = "mazurowski-lab/SlicerSegmentWithSAM SegmentWithSAM.py"
_MICRO_SAM = "computational-cell-analytics/micro-sam micro_sam/v2/util.py"
_GETI = "open-edge-platform/geti-instant-learn"
_SECOND = "a second record of the same value"
_SEG_STUDIO = "Segmen-Pixel/Seg-Studio scripts/install.py, docs on its model licences"
_SIZE_OF_SAM2 = "size: third-party listings of the same files"

# On a GPU the best masks rank first; on CPU only what a few cores encode within seconds has a rank.
# The six hex digits in the names of SAM's files are not the beginning of their SHA-256.
MODELS: Mapping[str, Model] = {
    each.name: each
    for each in (
        Model(
            "classical",
            "segmenters.classical.segmenter",
            encoder_mib=320,
            weightless=True,
            about="none: regions, contours and colours, any CPU, offline",
            advice="draw boxes first, and click on what has a clear border: it knows borders and colours, not"
            " things, so one of many that touch, a very small one or one as dull as its ground takes a box"
            " or several clicks (docs/models.md has pictures)",
        ),
        _sam(
            Architecture("sam_vit_b", Family.SAM, 93.7),
            Published(
                f"{_SAM}/sam_vit_b_01ec64.pth",
                "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
                375_042_383,
                f"{_SLICER}; {_SECOND}",
            ),
            encoder_mib=1739,
            rank_on_gpu=8,
        ),
        _sam(
            Architecture("sam_vit_l", Family.SAM, 312.3),
            Published(
                f"{_SAM}/sam_vit_l_0b3195.pth",
                "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
                1_249_524_607,
                f"{_SLICER}; {_SECOND}",
            ),
            encoder_mib=2955,
            rank_on_gpu=5,
        ),
        _sam(
            Architecture("sam_vit_h", Family.SAM, 641.1),
            Published(
                f"{_SAM}/sam_vit_h_4b8939.pth",
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
                2_564_550_879,
                f"{_SLICER}; {_GETI}",
            ),
            encoder_mib=4283,
            rank_on_gpu=4,
        ),
        _sam(
            Architecture("mobile_sam", Family.MOBILE_SAM, 10.1),
            Published(
                f"{_MOBILE_SAM}/mobile_sam.pt",
                "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
                40_728_226,
                f"{_GETI}; {_SECOND}",
            ),
            encoder_mib=774,
            rank_on_gpu=9,
            rank_on_cpu=1,
        ),
        _sam(
            Architecture("tinysam", Family.TINYSAM, 10.1, like="mobile_sam"),
            Published(
                f"{_TINYSAM}/tinysam.pth",
                "4b8edcf93af46e2a658ae455574de62873778a5cc3fd8e8adf094dcdfa957cf2",
                None,
                _SEG_STUDIO,
            ),
            encoder_mib=774,
        ),
        _sam(
            Architecture("sam2_hiera_tiny", Family.SAM2, 38.9),
            Published(
                f"{_SAM2}/sam2_hiera_tiny.pt",
                "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
                155_906_050,
                f"{_SLICER}; {_SECOND}",
            ),
            encoder_mib=1406,
            rank_on_cpu=3,
        ),
        _sam(
            Architecture("sam2_hiera_small", Family.SAM2, 46.0),
            Published(
                f"{_SAM2}/sam2_hiera_small.pt",
                "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
                184_309_650,
                f"{_SLICER}; {_SECOND}",
            ),
            encoder_mib=1423,
            rank_on_cpu=5,
        ),
        _sam(
            Architecture("sam2_hiera_base_plus", Family.SAM2, 80.8),
            Published(
                f"{_SAM2}/sam2_hiera_base_plus.pt",
                "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
                323_493_298,
                f"{_SLICER}; {_SECOND}",
            ),
            encoder_mib=1957,
        ),
        _sam(
            Architecture("sam2_hiera_large", Family.SAM2, 224.4),
            Published(
                f"{_SAM2}/sam2_hiera_large.pt",
                "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
                897_952_466,
                f"{_SLICER}; {_SECOND}",
            ),
            encoder_mib=2778,
            rank_on_gpu=3,
        ),
        _sam(
            Architecture("sam2.1_hiera_tiny", Family.SAM2, 39.0),
            Published(
                f"{_SAM21}/sam2.1_hiera_tiny.pt",
                "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
                156_008_466,
                f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
            ),
            encoder_mib=1407,
            rank_on_gpu=7,
            rank_on_cpu=2,
        ),
        _sam(
            Architecture("sam2.1_hiera_small", Family.SAM2, 46.1),
            Published(
                f"{_SAM21}/sam2.1_hiera_small.pt",
                "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
                184_416_285,
                f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
            ),
            encoder_mib=1423,
            rank_on_gpu=6,
            rank_on_cpu=4,
        ),
        _sam(
            Architecture("sam2.1_hiera_base_plus", Family.SAM2, 80.9),
            Published(
                f"{_SAM21}/sam2.1_hiera_base_plus.pt",
                "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
                323_606_802,
                f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
            ),
            encoder_mib=1957,
            rank_on_gpu=2,
        ),
        _sam(
            Architecture("sam2.1_hiera_large", Family.SAM2, 224.4),
            Published(
                f"{_SAM21}/sam2.1_hiera_large.pt",
                "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
                898_083_611,
                f"{_MICRO_SAM}; {_GETI}; {_SIZE_OF_SAM2}",
            ),
            encoder_mib=2778,
            rank_on_gpu=1,
        ),
        _sam(
            Architecture("edgetam", Family.EDGETAM, 13.9),
            Published(
                f"{_EDGETAM}/edgetam.pt",
                "ed2d4850b8792c239689b043c47046ec239b6e808a3d9b6ae676c803fd8780df",
                56_116_523,
                f"mikel-brostrom/boxmot, its resolver of EdgeTAM's weights; {_SECOND}",
            ),
            encoder_mib=629,
        ),
        _sam(
            Architecture("sam_hq_vit_tiny", Family.HQ_SAM, 10.6),
            Published(
                f"{_HQ_SAM}/sam_hq_vit_tiny.pth",
                "0f32c075ccdd870ae54db2f7630e7a0878ede5a2b06d05d6fe02c65a82fb7196",
                None,
                f"{_GETI}; {_SECOND}",
            ),
            encoder_mib=774,
        ),
        _sam(
            Architecture("sam_hq_vit_h", Family.HQ_SAM, 642.7),
            Published(
                f"{_HQ_SAM}/sam_hq_vit_h.pth",
                "a7ac14a085326d9fa6199c8c698c4f0e7280afdbb974d2c4660ec60877b45e35",
                2_570_940_653,
                f"finegrain-ai/refiners, its conversion of HQ-SAM; {_GETI}; {_SECOND}",
            ),
            encoder_mib=4307,
        ),
        Model(
            "onnx",
            "segmenters.sam.onnx_segmenter",
            encoder_mib=4283,  # of sam_vit_h, whose encoder it has by default
            about="a decoder in an ONNX file, and the encoder of a SAM or of MobileSAM",
            gpu=True,
        ),
    )
}

ARCHITECTURES: Mapping[str, Architecture] = {
    name: each.architecture for name, each in MODELS.items() if each.architecture is not None
}
"""The architectures of the models of the Segment Anything family."""

PUBLISHED: Mapping[str, Published] = {
    name: each.published for name, each in MODELS.items() if each.published is not None
}
"""The checkpoints of the models that have a publisher."""


def encoder_of(name: str, options: ModelOptions) -> Model | None:
    """The model whose encoder the model ``name`` has: for ``onnx`` another one, or None for a file."""
    return MODELS.get(options.onnx_encoder if name == "onnx" else name)


def size_of(sha256: str | None) -> int | None:
    """Bytes of the published checkpoint with this SHA-256, or None when it is not a published one."""
    return next((each.size for each in PUBLISHED.values() if each.sha256 == sha256), None)
