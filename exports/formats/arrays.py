"""NumPy: for each picture one ``.npz``, which ``numpy.load`` reads without pickles.

``masks``: N x height x width bool, in the order in which the objects were drawn; they may lie on each other.
``class_ids``: N int64. ``labels``, ``regions``: N texts. ``boxes``: N x 4 float64, x0, y0, x1, y1 in pixels.
"""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from exports.file_names import stem_of
from exports.formats.format import Format, size_of, within
from exports.pictures import Picture


class Arrays(Format):
    """Writes the masks one by one: all of a picture's may be more than fits into memory."""

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write the file of a picture."""
        width, height = size_of(picture)
        small: dict[str, NDArray[Any]] = {
            "class_ids": np.array([each.class_id for each in picture.objects], np.int64),
            "boxes": np.array([each.shape.box for each in picture.objects], np.float64).reshape(-1, 4),
            "labels": np.array([each.label for each in picture.objects], np.str_),
            "regions": np.array([each.region for each in picture.objects], np.str_),
        }
        with (
            self._output.new_file(within(part, f"{stem_of(name)}.npz")) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
        ):
            for key, array in small.items():
                with archive.open(f"{key}.npy", "w") as entry:
                    npy.write_array(entry, array, allow_pickle=False)  # type: ignore[no-untyped-call]
            with archive.open("masks.npy", "w", force_zip64=True) as entry:
                shape = (len(picture.objects), height, width)
                head = {"descr": "|b1", "fortran_order": False, "shape": shape}
                npy.write_array_header_1_0(entry, head)  # type: ignore[no-untyped-call]
                for each in picture.objects:
                    entry.write(each.shape.runs.mask().tobytes())
