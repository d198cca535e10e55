"""What the control process and the process that does a job say to each other: one line of JSON each."""

import msgspec


class ExportOrder(msgspec.Struct, frozen=True, tag="export"):
    """Make an MP4 of a recording."""

    path: str
    """The recording's first file."""
    key: bytes
    out: str


Order = ExportOrder


class Report(msgspec.Struct, frozen=True):
    progress: float = 0.0
    reason: str = ""
    """Why it failed."""
