"""One synthetic page: ICE check, DTLS client, SRTP keys. Sans-IO but for the port it queues datagrams on."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pylibsrtp
from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from callserver.bench import BenchError
from callserver.bench.answer import OfferFacts, Sources, build_answer, read_offer
from callserver.bench.datagrams import Port
from media.api import Offer
from media.io.srtp import Cipher, make_cipher
from media.wire.buffer import PacketBuffer

_PROFILE = b"SRTP_AEAD_AES_256_GCM"
_KEY_BYTES = 32
_SALT_BYTES = 12
_MTU = 1200
_PRIORITY = 0x6E7F1EFF
"""A peer-reflexive candidate's (RFC 8445 §7.1.1)."""


class Credentials:
    """The certificate and DTLS settings that all synthetic pages share: theirs is not the cost to be measured."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_tlsext_use_srtp(_PROFILE)


class Identity(NamedTuple):
    """What a page chooses for itself before it knows the other side."""

    ufrag: str
    password: str
    sources: Sources

    @classmethod
    def make(cls) -> "Identity":
        sources = Sources(*(1 + secrets.randbelow(0xFFFFFFFE) for _ in range(3)))
        return cls(secrets.token_hex(4), secrets.token_hex(12), sources)


class Peer:
    """One leg's page. `on_secure` is called once when SRTP keys are there."""

    def __init__(
        self,
        host: int,
        port: Port,
        credentials: Credentials,
        offer: Offer,
        identity: Identity | None = None,
        protection: bool = False,
    ) -> None:
        """`offer`: the server's description; a page that offered itself gives the server's answer and its identity."""
        self.host = host
        self.port = port
        self.call_id = offer.call_id
        self.leg_id = offer.leg_id
        self.generation = offer.generation
        self.facts: OfferFacts = read_offer(offer.sdp)
        self._ufrag, self._password, self.sources = identity or Identity.make()
        self._protection = protection
        self.cipher: Cipher | None = None
        self.on_secure: Callable[[], None] = lambda: None
        self._fingerprint = credentials.fingerprint
        self._check = self._build_check()
        self._reached = False
        self._dtls = SSL.Connection(credentials.context)
        self._dtls.set_connect_state()
        self._dtls.set_ciphertext_mtu(_MTU)

    def answer(self) -> str:
        """The page's session description."""
        return build_answer(self.facts, self._ufrag, self._password, self._fingerprint, self.sources, self._protection)

    def send_check(self) -> None:
        """Queue a connectivity check; the same bytes each time are a retransmission (RFC 8489 §6.2.1)."""
        self.port.send(self._check, self.host)

    def nudge(self) -> None:
        """Repeat what may have been lost on the way."""
        if not self._reached:
            self.send_check()
        elif self.cipher is None:
            self._dtls.DTLSv1_handle_timeout()
            self._send_dtls()

    def receive(self, packet: PacketBuffer) -> None:
        """Take a datagram that is neither RTP nor RTCP (RFC 7983 §7)."""
        first = packet.view[packet.start]
        if first < 4 and not self._reached:
            self._reached = True
            self._handshake()
        elif 20 <= first <= 63 and self.cipher is None:
            self._dtls.bio_write(packet.tobytes())
            self._handshake()

    def close(self) -> None:
        """Queue a close_notify."""
        try:
            self._dtls.shutdown()
        except SSL.Error:
            return
        self._send_dtls()

    def _build_check(self) -> bytes:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.facts.ufrag}:{self._ufrag}"
        request.attributes["PRIORITY"] = _PRIORITY
        request.attributes["ICE-CONTROLLING"] = secrets.randbits(64)
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self.facts.password.encode())
        request.add_fingerprint()  # as browsers do; libnice takes no check without it
        return bytes(request)

    def _handshake(self) -> None:
        try:
            self._dtls.do_handshake()
        except SSL.WantReadError:
            self._send_dtls()
            return
        except SSL.Error as error:
            raise BenchError(f"DTLS failed on leg {self.leg_id}: {error}") from error
        self._send_dtls()
        self._take_keys()
        self.on_secure()

    def _send_dtls(self) -> None:
        while True:
            try:
                self.port.send(self._dtls.bio_read(_MTU + 100), self.host)
            except SSL.WantReadError:
                return

    def _take_keys(self) -> None:
        """RFC 5764 §4.2: client key, server key, client salt, server salt."""
        if self._dtls.get_selected_srtp_profile() != _PROFILE:
            raise BenchError("the worker did not choose AEAD_AES_256_GCM")
        material = self._dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY_BYTES + _SALT_BYTES))
        salts = material[2 * _KEY_BYTES :]
        ours = material[:_KEY_BYTES] + salts[:_SALT_BYTES]
        theirs = material[_KEY_BYTES : 2 * _KEY_BYTES] + salts[_SALT_BYTES:]
        policy = pylibsrtp.Policy
        profile = policy.SRTP_PROFILE_AEAD_AES_256_GCM
        inbound = pylibsrtp.Session(policy(key=theirs, ssrc_type=policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        outbound = pylibsrtp.Session(policy(key=ours, ssrc_type=policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self.cipher = make_cipher(inbound, outbound)
