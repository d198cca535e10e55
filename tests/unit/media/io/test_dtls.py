"""The DTLS server against a client of OpenSSL, in memory; and the contract with aiortc's private names."""

import asyncio

import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate, RTCDtlsTransport
from OpenSSL import SSL

from media.io.arena import Arena, fill
from media.io.dtls import INBOX, Certificate, DtlsServer
from media.io.srtp import OK

OURS = Certificate.generateCertificate()
THEIRS = RTCCertificate.generateCertificate()
FINGERPRINTS = tuple((f.algorithm, f.value) for f in THEIRS.getFingerprints())


class Client:
    """A page: OpenSSL's client side, answered by a server that sends into it."""

    def __init__(self, certificate: RTCCertificate = THEIRS) -> None:
        self.connection = SSL.Connection(certificate._create_ssl_context(SRTP_PROFILES))
        self.connection.set_connect_state()
        self.server = DtlsServer(OURS, self.connection.bio_write)
        self.done = False

    def step(self) -> None:
        """Give the server what the client has to say."""
        try:
            self.connection.do_handshake()
            self.done = True
        except SSL.WantReadError:
            pass
        try:
            data = self.connection.bio_read(2000)
        except SSL.Error:
            return
        assert self.server.feed(data)

    async def connect(self) -> bool:
        handshake = asyncio.create_task(self.server.handshake())
        while not handshake.done():
            self.step()
            await asyncio.sleep(0)
        self.step()
        return handshake.result()


def test_aiortc_is_as_we_know_it() -> None:
    """A new aiortc moved its private names? See media/io/dtls.py."""
    for name in ("_set_role", "_validate_peer_identity", "start", "stop", "state"):
        assert hasattr(RTCDtlsTransport, name), name
    transport = RTCDtlsTransport(object(), [OURS])  # type: ignore[arg-type]
    for name in ("_rx_srtp", "_tx_srtp", "_ssl"):
        assert getattr(transport, name, "missing") is None, name
    assert callable(RTCCertificate._create_ssl_context)


def test_all_legs_share_one_context() -> None:
    assert OURS._create_ssl_context(SRTP_PROFILES) is OURS._create_ssl_context(SRTP_PROFILES)
    assert len(OURS.fingerprint) == 95


async def test_a_handshake_gives_keys_for_both_directions() -> None:
    client = Client()
    assert await client.connect()
    assert client.done
    assert client.connection.get_selected_srtp_profile() == b"SRTP_AEAD_AES_256_GCM"
    slot = Arena(1).slots[0]
    fill(slot, bytes([0x80, 111, 0, 1]) + bytes(60))
    assert client.server.cipher().protect_rtp(slot) == OK
    await client.server.stop()
    await asyncio.sleep(0)


async def test_identity_is_a_question_of_its_own() -> None:
    client = Client()
    assert await client.connect()
    assert client.server.identify(FINGERPRINTS)
    assert client.server.identify(FINGERPRINTS[:1])
    assert client.server.identify((*FINGERPRINTS, ("sha-1", "00")))
    other = tuple((f.algorithm, f.value) for f in RTCCertificate.generateCertificate().getFingerprints())
    assert not client.server.identify(other)
    assert not client.server.identify((FINGERPRINTS[0], other[1])), "one that is wrong is enough"
    assert not client.server.identify((("sha-1", "00"),))
    assert not client.server.identify(())
    await client.server.stop()
    await asyncio.sleep(0)


async def test_the_end_of_the_peer_is_noticed() -> None:
    client = Client()
    assert await client.connect()
    client.connection.shutdown()
    client.step()
    for _ in range(5):
        await asyncio.sleep(0)
    assert client.server.state == "closed"


async def test_a_handshake_with_nonsense_fails() -> None:
    server = DtlsServer(OURS, lambda _: None)
    handshake = asyncio.create_task(server.handshake())
    await asyncio.sleep(0)
    alert = bytes([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40])  # fatal handshake_failure
    server.feed(alert)
    assert await handshake is False


async def test_a_silent_peer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.io.dtls.HANDSHAKE_SECONDS", 0.0)
    assert await DtlsServer(OURS, lambda _: None).handshake() is False


async def test_the_inbox_is_bounded() -> None:
    server = DtlsServer(OURS, lambda _: None)
    assert [server.feed(b"\x16") for _ in range(INBOX + 2)] == [True] * INBOX + [False] * 2
