"""What the machine has left: room on the disk, days of the certificate. Looked at now and then, in a thread."""

import asyncio
import shutil
import time
from pathlib import Path

import msgspec
from cryptography import x509

INTERVAL = 3.0
"""A disk can be filled within seconds; a look takes less than a millisecond."""


class MachineFacts(msgspec.Struct, frozen=True):
    """None: not known, or there is none."""

    disk_free_bytes: float | None = None
    disk_free_ratio: float | None = None
    certificate_seconds: float | None = None
    """Until the TLS certificate ends; negative: it has."""


def look(data_dir: Path, certificate: str, wall_time: float) -> MachineFacts:
    """The facts now; what cannot be read is None."""
    free = ratio = None
    try:
        usage = shutil.disk_usage(data_dir)
        free, ratio = float(usage.free), usage.free / max(usage.total, 1)
    except OSError:
        pass
    return MachineFacts(free, ratio, certificate_left(certificate, wall_time) if certificate else None)


def certificate_left(path: str, wall_time: float) -> float | None:
    """Seconds until the first certificate of a PEM file ends."""
    try:
        found = x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (OSError, ValueError):
        return None
    return found.not_valid_after_utc.timestamp() - wall_time


class Machine:
    """Keeps `facts` fresh."""

    def __init__(self, data_dir: Path, certificate: str = "") -> None:
        self.facts = MachineFacts()
        self._data_dir = data_dir
        self._certificate = certificate

    async def run(self) -> None:
        """Look until cancelled. A disk that hangs (NFS) hangs a thread, not the loop."""
        while True:
            self.facts = await asyncio.to_thread(look, self._data_dir, self._certificate, time.time())
            await asyncio.sleep(INTERVAL)
