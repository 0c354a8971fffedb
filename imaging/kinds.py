"""The kind of a file that is not read as an image: its name, and what to do about it."""

from __future__ import annotations

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
