"""Which version of this application it is: of its images, its requests and what it says of itself."""

from __future__ import annotations

VERSION = "0.1.0"
