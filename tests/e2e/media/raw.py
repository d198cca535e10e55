"""A page of which the test controls every datagram: checks, DTLS and SRTP by hand over plain sockets."""

import asyncio
import socket
from contextlib import suppress

import pylibsrtp
from aioice import stun
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_256_GCM, SRTP_PROFILES, RTCCertificate
from OpenSSL import SSL

from media.api import Offer

CERTIFICATE = RTCCertificate.generateCertificate()
OPPOSITE = {"a=sendrecv": "a=sendrecv", "a=sendonly": "a=recvonly", "a=recvonly": "a=sendonly"}
LEFT_OUT = ("a=ssrc", "a=candidate", "a=end-of", "a=ice-lite", "a=msid", "b=")


def new_socket(host: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 << 20)
    made.setblocking(False)
    made.bind((host, 0))
    return made


def rtp(sequence: int, *, ssrc: int = 7, payload_type: int = 111, size: int = 60) -> bytes:
    head = bytes([0x80, payload_type]) + sequence.to_bytes(2, "big") + (sequence * 960).to_bytes(4, "big")
    return head + ssrc.to_bytes(4, "big") + bytes(size)


class RawPage:
    """Answers one offer."""

    def __init__(self, offer: Offer) -> None:
        values = {}
        for line in offer.sdp.splitlines():
            name, _, value = line.partition(":")
            values.setdefault(name, value)
        self.offer = offer
        self.ufrag, self.password = values["a=ice-ufrag"], values["a=ice-pwd"]
        words = values["a=candidate"].split()
        self.server = (words[4], int(words[5]))
        self.socket = new_socket()
        self.inbound: pylibsrtp.Session | None = None
        self.outbound: pylibsrtp.Session | None = None
        self.connection = SSL.Connection(CERTIFICATE._create_ssl_context(SRTP_PROFILES))
        self.connection.set_connect_state()

    def answer(self) -> str:
        lines = []
        for line in self.offer.sdp.splitlines():
            if line.startswith("a=setup"):
                line = "a=setup:active"
            elif line.startswith("a=ice-ufrag"):
                line = "a=ice-ufrag:page"
            elif line.startswith("a=ice-pwd"):
                line = "a=ice-pwd:" + "p" * 24
            elif line.startswith("a=fingerprint"):
                line = f"a=fingerprint:sha-256 {CERTIFICATE.getFingerprints()[0].value}"
            if not line.startswith(LEFT_OUT):
                lines.append(OPPOSITE.get(line, line))
        return "\r\n".join(lines) + "\r\n"

    def binding_request(self, *, nominate: bool = True, password: str = "") -> bytes:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.ufrag}:page"
        message.attributes["PRIORITY"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.password).encode())
        return bytes(message)

    def send(self, data: bytes, *, by: socket.socket | None = None) -> None:
        (by or self.socket).sendto(data, self.server)

    async def receive(self, seconds: float = 5.0, *, by: socket.socket | None = None) -> bytes:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(by or self.socket, 2048)

    async def check(self, *, nominate: bool = True, by: socket.socket | None = None) -> stun.Message:
        """A check and its answer."""
        self.send(self.binding_request(nominate=nominate), by=by)
        while (data := await self.receive(by=by))[0] > 3:
            pass
        return stun.parse_message(data)

    def client_hello(self) -> bytes:
        with suppress(SSL.WantReadError):
            self.connection.do_handshake()
        return self.connection.bio_read(2048)

    async def shake_hands(self) -> None:
        """The rest of the handshake after `client_hello` was sent."""
        while True:
            data = await self.receive()
            if 19 < data[0] < 64:
                self.connection.bio_write(data)
            try:
                self.connection.do_handshake()
                break
            except SSL.WantReadError:
                self._flush()
        self._flush()
        profile = SRTP_AEAD_AES_256_GCM
        keys = self.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * 44)
        self.outbound, self.inbound = (
            pylibsrtp.Session(
                pylibsrtp.Policy(
                    key=profile.get_key_and_salt(keys, i), ssrc_type=kind, srtp_profile=profile.libsrtp_profile
                )
            )
            for i, kind in enumerate((pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND))
        )

    async def connect(self) -> None:
        """Check and handshake."""
        await self.check()
        self.send(self.client_hello())
        await self.shake_hands()

    def protect(self, packet: bytes) -> bytes:
        assert self.outbound is not None
        return bytes(self.outbound.protect(packet))

    def send_encrypted(self, packet: bytes) -> None:
        """Send RTP or RTCP, by its second byte, unless libsrtp finds it too broken to encrypt."""
        assert self.outbound is not None
        with suppress(pylibsrtp.Error):
            protect = self.outbound.protect_rtcp if 192 <= packet[1] < 224 else self.outbound.protect
            self.send(protect(packet))

    def close(self) -> None:
        self.socket.close()

    def _flush(self) -> None:
        with suppress(SSL.Error):
            self.send(self.connection.bio_read(2048))
