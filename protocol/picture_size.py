"""Whether the picture that a browser shows and the file that was read are the same, by their sizes."""

from __future__ import annotations

from values.errors import ImageDiffers

_SLACK = 1e-9

Size = tuple[int, int]


def check_same_picture(shown: Size, read: Size) -> None:
    """Check that the picture a browser shows is the one that was read, or a copy of it at another size.

    Both are (width, height) in pixels, after EXIF orientation. A place on one copy is the same fraction of
    the other, so copies of any size will do: thumbnails, proxies, exports.

    Raises:
        ImageDiffers: their shapes differ, so that one is turned, cropped or another picture.
    """
    if not are_copies(shown, read):
        turned = are_copies(shown[::-1], read)
        raise ImageDiffers(
            f"the editor shows a picture of {shown[0]} x {shown[1]} pixels, and the file that was read has "
            f"{read[0]} x {read[1]}, which is "
            + ("the same rotated by a quarter turn" if turned else "another shape")
            + ": a click on one would be elsewhere on the other; see that the task's address gives this "
            "service the picture that the browser gets, neither rotated nor cropped, and open the task again"
        )


def are_copies(one: Size, other: Size) -> bool:
    """Whether one size is the other times some factor, each side of the smaller off by a pixel at most.

    A pixel is what rounding may change in a resized copy's sides.
    """
    small, large = sorted((one, other), key=lambda size: size[0] * size[1])
    least = max((side - 1) / whole for side, whole in zip(small, large, strict=True))
    most = min((side + 1) / whole for side, whole in zip(small, large, strict=True))
    return least <= most + _SLACK
