"""Which version this is: of the package, of its images, and of what it says of itself."""

from __future__ import annotations

VERSION = "0.1.0"
