"""The formats of files, by their bytes: what browsers show of PNGs and of icons, and what is no image here.

Browsers ignore damaged chunks beside the pixels of a PNG; Pillow refuses the file. Of a Windows icon (ICO)
they show one picture; Pillow decodes an icon while it opens it, whatever its size. Here the size is checked
before anything is decoded.
"""

from __future__ import annotations

import struct
import zlib

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_SHOWN = frozenset({b"tRNS", b"eXIf"})
"""Ancillary chunks that change what is shown. Others (profiles, texts, animation) are not used here."""

_BESIDE = 12  # bytes of a chunk that are not its content: length, name and checksum


def without_ancillary(data: bytes | bytearray) -> bytes | None:
    """The PNG with only the chunks that are needed to show it, or None where nothing can be left out.

    Chunks that every decoder must understand stay as they are, damaged or not. Takes time linear in the
    file's length, and memory for one copy of it.
    """
    kept: list[bytes | memoryview] = [PNG_SIGNATURE]
    at, left_out = len(PNG_SIGNATURE), False
    whole = memoryview(data)
    while at + _BESIDE <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + _BESIDE + length
        if end > len(data):
            break
        name = bytes(whole[at + 4 : at + 8])
        if _is_ancillary(name) and (name not in _SHOWN or not _is_sound(whole[at:end])):
            left_out = True
        else:
            kept.append(whole[at:end])
        at = end
        if name == b"IEND":
            break
    kept.append(whole[at:])  # a truncated chunk stays truncated
    return b"".join(kept) if left_out else None


def _is_ancillary(name: bytes) -> bool:
    return bool(name[0] & 0x20)


def _is_sound(chunk: memoryview) -> bool:
    (said,) = struct.unpack(">I", chunk[-4:])
    return bool(zlib.crc32(chunk[4:-4]) == said)


ICON = b"\0\0\1\0"

_HEADER = struct.Struct("<HHH")
_ENTRY = struct.Struct("<BBBBHHII")
_SIZE_AT = {
    # (length of a bitmap's header: how width and height follow it)
    12: struct.Struct("<HH"),
    40: struct.Struct("<ii"),
    108: struct.Struct("<ii"),
    124: struct.Struct("<ii"),
}


def largest_picture(data: bytes | bytearray) -> bytes:
    """The largest picture of an icon, and of several the one with most colours, as a PNG or as an icon.

    It has at most 256 x 256 pixels. Like browsers, this refuses a picture whose size differs from what the
    icon says. Raises ValueError or struct.error for a damaged icon.
    """
    _, _, count = _HEADER.unpack_from(data)
    entries = [_ENTRY.unpack_from(data, _HEADER.size + number * _ENTRY.size) for number in range(count)]
    if not entries:
        raise ValueError("no picture")
    width, height, colours, _, planes, bits, length, at = max(
        entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[5])
    )
    content = bytes(data[at : at + length])
    if _picture_size(content) != (width or 256, height or 256):
        raise ValueError("a picture of another size")
    if content.startswith(PNG_SIGNATURE):
        return content
    start = _HEADER.size + _ENTRY.size
    entry = _ENTRY.pack(width, height, colours, 0, planes, bits, len(content), start)
    return _HEADER.pack(0, 1, 1) + entry + content


def _picture_size(content: bytes) -> tuple[int, int]:
    """(width, height) as the picture itself says."""
    if content.startswith(PNG_SIGNATURE):
        width, height = struct.unpack_from(">II", content, 16)
        return width, height
    (header,) = struct.unpack_from("<I", content)
    if header not in _SIZE_AT:
        raise ValueError("a bitmap of an unknown kind")
    width, doubled = _SIZE_AT[header].unpack_from(content, 4)
    return width, doubled // 2  # the colours, and below them what is transparent


_CONVERT = "; convert it to JPEG or PNG"
_RENDER = "; draw it as a PNG of the size that is annotated"
_UNPACK = "; unpack it and import the images in it"
_PAGE = "a web page (often a login page)"
_VIDEO = "a video; take single frames out of it as images"
_NETPBM = "a portable pixmap" + _CONVERT
_RAW = "a camera's raw file" + _CONVERT

_BRANDS = {
    # (the brand of a file of ISO boxes: what that is)
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"),
        "a HEIC picture, which most browsers do not show either" + _CONVERT,
    ),
    b"crx ": _RAW,
    b"jp2 ": "JPEG 2000" + _CONVERT,
    b"jpx ": "JPEG 2000" + _CONVERT,
}
_STARTS = (
    # (how the bytes begin, what that is)
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000" + _CONVERT),
    (b"\xff\x4f\xff\x51", "JPEG 2000" + _CONVERT),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL" + _CONVERT),
    (b"\xff\x0a", "JPEG XL" + _CONVERT),
    (b"II\xbc", "JPEG XR" + _CONVERT),
    (b"8BPS", "a Photoshop file" + _CONVERT),
    (b"gimp xcf", "a GIMP file" + _CONVERT),
    (b"\x76\x2f\x31\x01", "OpenEXR" + _CONVERT),
    (b"#?RADIANCE", "a Radiance picture" + _CONVERT),
    (b"qoif", "QOI" + _CONVERT),
    *((b"P%d" % number + space, _NETPBM) for number in range(1, 8) for space in (b"\n", b" ", b"\r")),
    (b"DDS ", "a DirectDraw texture" + _CONVERT),
    (b"icns", "an icon of macOS" + _CONVERT),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"IIRO", _RAW),
    (b"IIU\0", _RAW),
    (b"%!PS", "PostScript" + _RENDER),
    (b"\xc5\xd0\xd3\xc6", "PostScript" + _RENDER),
    (b"\xd7\xcd\xc6\x9a", "a metafile of Windows" + _RENDER),
    (b"AT&TFORM", "a DjVu document" + _RENDER),
    (b"PK\3\4", "a zip archive or an office document" + _UNPACK),
    (b"PK\5\6", "an empty zip archive"),
    (b"\x1f\x8b", "gzip" + _UNPACK),
    (b"BZh", "bzip2" + _UNPACK),
    (b"\xfd7zXZ\0", "xz" + _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive" + _UNPACK),
    (b"Rar!\x1a\7", "a RAR archive" + _UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd" + _UNPACK),
    (b"\x1a\x45\xdf\xa3", _VIDEO),
    (b"OggS", "Ogg, sound or a video"),
    (b"FLV\1", _VIDEO),
    (b"\0\0\1\xba", _VIDEO),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"\x93NUMPY", "an array of NumPy" + _CONVERT),
    (b"\x89HDF\r\n", "HDF5" + _CONVERT),
    (b"SIMPLE  =", "a FITS file" + _CONVERT),
    (b"SQLite format 3", "a database"),
    (b"version https://git-lfs.github.com", "a pointer of Git LFS; fetch the file itself (git lfs pull)"),
)
_TEXTS = (
    # (how a text begins, in lower case and without space in front, what that is)
    (b"%pdf", "a PDF" + _RENDER),
    (b"<svg", "an SVG drawing" + _RENDER),
    (b"<!doctype html", _PAGE),
    (b"<html", _PAGE),
    (b"<", "XML or HTML, not pixels"),
    (b"{", "JSON, often an error message"),
    (b"[", "JSON, often an error message"),
)
_DICOM = "a DICOM file" + _CONVERT


def kind_of(data: bytes | bytearray) -> str:
    """The kind in words, from how ``data`` begins, to complete "what came is ..."."""
    start = bytes(data[:512])
    if start[4:8] == b"ftyp":
        damaged = b"avif" in start[8:64]  # else it would have been read
        return "an AVIF picture that is damaged" if damaged else _BRANDS.get(start[8:12], _VIDEO)
    for signature, kind in _STARTS:
        if start.startswith(signature):
            return kind
    if start.startswith(b"RIFF"):
        return _VIDEO if start[8:12] == b"AVI " else "sound"
    if start[128:132] == b"DICM":
        return _DICOM
    if start[257:262] == b"ustar":
        return "a tar archive" + _UNPACK
    return _kind_of_text(start)


def _kind_of_text(start: bytes) -> str:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, kind in _TEXTS:
        if text.startswith(beginning):
            return "an SVG drawing" + _RENDER if b"<svg" in text and kind != _PAGE else kind
    if text and all(byte >= 32 or byte in b"\t\n\r" for byte in text) and 127 not in text:
        return "text, often an error message" if text.isascii() else "of an unknown kind"
    return "of an unknown kind"
