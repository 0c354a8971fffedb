"""Files of other kinds under an image's name, images that are something else as well, and unusual images."""

from __future__ import annotations

import io
import struct
import zipfile
from functools import partial

import numpy as np
from PIL import Image

from testing import crafted_files
from testing.image_files import encoded, quarters
from tests.imaging.hostile.file import BROKEN, EITHER, NEVER, READS, File, saved


def _boxes(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(12) + struct.pack(">I", 8) + b"mdat"


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(10**6))
    return packed.getvalue()


def _psd() -> bytes:
    return b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 20, 40, 8, 3) + bytes(12) + bytes(2402)


def _fits() -> bytes:
    values = {"SIMPLE": "T", "BITPIX": "8", "NAXIS": "2", "NAXIS1": "40", "NAXIS2": "20"}
    cards = [f"{name:8}= {value:>20}" for name, value in values.items()]
    return "".join(card.ljust(80) for card in [*cards, "END"]).ljust(2880).encode() + bytes(2880)


_NAMED = {
    "an HTML page": b"<!doctype html><html><img src='file:///etc/passwd'>",
    "an SVG drawing": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "XML with an entity": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "a PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 20\n(/etc/passwd) (r) file\n",
    "JSON": b'{"detail": "no"}',
    "an MP4": _boxes(b"isom"),
    "a HEIC": _boxes(b"heic"),
    "a Photoshop file": _psd(),
    "a FITS file": _fits(),
    "a gzipped FITS file": b"\x1f\x8b\x08" + bytes(100),
    "a metafile of Windows": struct.pack("<IHhhhhHIH", 0x9AC6CDD7, 0, 0, 0, 40, 20, 96, 0, 0) + bytes(100),
    "a portable pixmap": b"P6 40 20 255\n" + bytes(2400),
    "a C bitmap": b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {0,0,0,0,0,0,0,0};",
    "a C pixmap": b'/* XPM */\nstatic char *a[] = {"1 1 1 1","a c #000000","a"};',
    "a shell script": b"#!/bin/sh\ncat /etc/passwd\n",
    "a program": b"\x7fELF" + bytes(100),
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "ImageMagick's own language": b"push graphic-context\nviewbox 0 0 1 1\nfill 'url(http://127.0.0.1/)'\n",
}

_PILLOWS = ("PPM", "TGA", "PCX", "SGI", "DDS", "ICNS", "EPS", "PDF")

OTHERS = [
    *[File(name, partial(bytes, content), NEVER) for name, content in _NAMED.items()],
    *[File(f"{kind} of Pillow", partial(saved, kind), NEVER) for kind in _PILLOWS],
    File("a zip archive", _zip, NEVER),
    *[
        File(f"{what} and nothing more", partial(bytes, start + bytes(200)), EITHER)
        for what, start in [
            ("a PNG's signature", crafted_files.PNG_SIGNATURE),
            ("a JPEG's start", b"\xff\xd8\xff\xe0"),
            ("a GIF's name", b"GIF89a"),
            ("a WebP's name", b"RIFF\xff\xff\xff\xffWEBPVP8 "),
            ("a bitmap's letters", b"BM"),
            ("a TIFF's start", b"MM\0*"),
            ("an AVIF's boxes", _boxes(b"avif")),
            ("an icon's start", b"\0\0\1\0\2\0"),
        ]
    ],
    File("a page that begins as a GIF", partial(bytes, b"GIF89a=1;/*<script>alert(1)</script>*/"), BROKEN),
    File("a PNG with an archive behind it", lambda: saved("PNG") + _zip(), READS),
    File("a JPEG with a page behind it", lambda: saved("JPEG") + _NAMED["an HTML page"], READS),
    File("a GIF with a script in it", lambda: saved("GIF") + b"*/alert(1)", READS),
    File("two PNGs in one file", lambda: saved("PNG") * 2, READS),
]

MODES = [
    File("an icon of Windows", partial(saved, "ICO"), READS),
    File("an AVIF of mode RGBA", partial(saved, "AVIF", "RGBA"), READS),
    File("an AVIF of mode L", partial(saved, "AVIF", "L"), READS),
    *[
        File(f"a PNG of mode {mode}", partial(saved, "PNG", mode), READS)
        for mode in ("1", "L", "LA", "P", "RGBA")
    ],
    *[File(f"a JPEG of mode {mode}", partial(saved, "JPEG", mode), READS) for mode in ("L", "CMYK", "YCbCr")],
    *[
        File(f"a TIFF of mode {mode}", partial(saved, "TIFF", mode), READS)
        for mode in ("1", "L", "LA", "P", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I", "F")
    ],
    File("a TIFF of floats that are no numbers", lambda: encoded(_floats(np.nan), "TIFF"), READS),
    File("a TIFF of infinite floats", lambda: encoded(_floats(np.inf), "TIFF"), READS),
    File("a PNG of 16 bits", lambda: encoded(Image.new("I;16", (40, 20), 40_000), "PNG"), READS),
    File("a JPEG of one pixel", lambda: encoded(quarters(2, 2).resize((1, 1)), "JPEG"), READS),
    File("a JPEG of 65500 x 1", lambda: encoded(Image.new("RGB", (65_500, 1)), "JPEG"), READS),
    File("a bitmap of 1 x 65535", lambda: encoded(Image.new("RGB", (1, 65_535)), "BMP"), READS),
]


def _floats(value: float) -> Image.Image:
    return Image.fromarray(np.full((20, 40), value, np.float32))
