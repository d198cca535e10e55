"""A TURN server of the tests' own: coturn with credentials as ours, over UDP and over TLS, on loopback."""

import asyncio
import datetime
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.product import ROOT, free_ports, until


def turnserver_path() -> str:
    """The system's coturn, found by the same script that `make` uses; fails with what is missing."""
    found = subprocess.run([ROOT / ".ci" / "need", "turnserver"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


class Turn:
    """Where it is and what it is asked with."""

    def __init__(self, folder: Path) -> None:
        self.port = free_ports(2)
        self.tls_port = self.port + 1
        self.secret = secrets.token_hex(16)
        self.log = folder / "turn.log"
        self._folder = folder

    @property
    def urls(self) -> str:
        """As `turn.urls` takes them from the environment."""
        return f"turn:127.0.0.1:{self.port}?transport=udp,turns:127.0.0.1:{self.tls_port}?transport=tcp"

    def options(self) -> list[str]:
        certificate, key = _self_signed(self._folder)
        return [
            "-n",
            "--no-cli",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            f"--listening-port={self.port}",
            f"--tls-listening-port={self.tls_port}",
            "--use-auth-secret",
            f"--static-auth-secret={self.secret}",
            "--realm=callserver",
            f"--cert={certificate}",
            f"--pkey={key}",
            "--no-multicast-peers",
            "--allow-loopback-peers",
            f"--pidfile={self._folder / 'turn.pid'}",
            f"--userdb={self._folder / 'turn.sqlite'}",
            "--log-file=stdout",
            "--verbose",
        ]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Turn]:
    """Start it, and stop it afterwards."""
    turn = Turn(folder)
    with turn.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(turnserver_path(), *turn.options(), stdout=log, stderr=log)
    try:
        await until(lambda: _listens(turn, process), "coturn listens", 10)
        yield turn
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listens(turn: Turn, process: asyncio.subprocess.Process) -> bool:
    assert process.returncode is None, turn.log.read_text(errors="replace")[-2000:]
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", turn.tls_port)
    except OSError:
        return False
    writer.close()
    return True


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "turn.pem", folder / "turn.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
