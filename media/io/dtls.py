"""DTLS-SRTP as the server (RFC 5764), by aiortc's RTCDtlsTransport, unchanged.

The only file with aiortc's private names: `_recv` and `_send` of what stands for its ICE transport, `_set_role`,
`_create_ssl_context`, `_validate_peer_identity`, `_rx_srtp`, `_tx_srtp`, `_ssl`. tests/unit/media/io/test_dtls.py
fails loudly when a version moves them. SRTP never passes through it: we take its sessions after the handshake.
"""

import asyncio
from collections.abc import Callable

from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    certificate_digest,
)
from OpenSSL import SSL

from media.io.srtp import Cipher, make_cipher

HANDSHAKE_SECONDS = 10.0
INBOX = 32
"""Datagrams of one leg waiting for its handshake; a flight has fewer than ten."""

DIGESTS = ("sha-256", "sha-384", "sha-512")
"""Fingerprint algorithms that we can check (RFC 8122 §5)."""

_UNKNOWN_YET = RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", "")])


class Certificate(RTCCertificate):
    """One self-signed certificate, with one SSL context for all legs (making a context costs 0.2 ms)."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            # Nobody resumes a session here, and a shared context would keep thousands of them.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            self._context.set_options(SSL.OP_NO_RENEGOTIATION)
        return self._context

    @property
    def fingerprint(self) -> str:
        """SHA-256, as in `a=fingerprint`."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class _Wire:
    """Stands for the RTCIceTransport below an RTCDtlsTransport."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.write = send
        self.inbox = asyncio.Queue[bytes](INBOX)

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        self.write(data)


class DtlsServer(RTCDtlsTransport):
    """One leg's association. The handshake may end before the answer says whom to expect, so identity is a
    separate question: `identify`."""

    def __init__(self, certificate: Certificate, send: Callable[[bytes], None]) -> None:
        self._wire = _Wire(send)
        super().__init__(self._wire, [certificate])  # type: ignore[arg-type]
        self._set_role("server")

    def feed(self, data: bytes) -> bool:
        """Take one datagram; False if too many are waiting."""
        if self._wire.inbox.full():
            return False
        self._wire.inbox.put_nowait(data)
        return True

    async def handshake(self) -> bool:
        """Complete the handshake with whoever is there; False if it failed or took too long."""
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self.start(_UNKNOWN_YET)
        except TimeoutError:
            return False
        return self.state == "connected"

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:  # noqa: N803 - aiortc's name
        """Put off until `identify`: the answer may still be under way."""

    def identify(self, fingerprints: tuple[tuple[str, str], ...]) -> bool:
        """Whether the peer's certificate has all these (algorithm, value) fingerprints that we can check, and at
        least one (RFC 8122 §5). Only after the handshake."""
        assert self._ssl is not None
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return False
        known = [(algorithm, value) for algorithm, value in fingerprints if algorithm in DIGESTS]
        return bool(known) and all(certificate_digest(certificate, name) == value.upper() for name, value in known)

    def cipher(self) -> Cipher:
        """The keys of the handshake, ready for use. Only after the handshake."""
        return make_cipher(self._rx_srtp, self._tx_srtp)

    async def close(self) -> None:
        """Say close_notify and free everything of OpenSSL and libsrtp."""
        self.remove_all_listeners()
        await self.stop()
        self._ssl = self._rx_srtp = self._tx_srtp = None

    async def release(self) -> None:
        """The same without a word to the peer: 58 KB a leg, of no use once both sides have the keys."""
        self._wire.write = lambda _: None
        await self.close()


def is_farewell(data: bytes) -> bool:
    """Whether a datagram looks like an encrypted DTLS alert, which after the handshake is close_notify.

    Only a hint: the record is not authenticated (type, version, epoch: RFC 6347 §4.1).
    """
    return len(data) > 13 and data[0] == 21 and data[1] == 0xFE and data[3:5] != b"\0\0"
