"""What a command ends with when a person has to mend something."""

from __future__ import annotations

from values.errors import ServiceError


class CommandError(ServiceError):
    """Something a person has to mend; the text is the sentence that says what and how."""
