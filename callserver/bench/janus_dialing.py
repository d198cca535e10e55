"""Two synthetic pages a call at Janus' videocall plugin: one offers and calls, one answers and accepts."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aioice import stun
from OpenSSL import SSL

from callserver.bench import BenchError
from callserver.bench.answer import Sources, read_offer
from callserver.bench.datagrams import Port
from callserver.bench.janus import Handle, Janus
from callserver.bench.peer import Credentials, Identity, Peer
from callserver.bench.traffic import FULL_BPS, Traffic
from media.api import Offer
from media.wire.buffer import PacketBuffer

CONNECT_TIMEOUT = 20.0
HOSTS = 0x0A4E0000
"""10.78.0.0: addresses of the namespace's own interface (callserver/bench/namespace.py)."""
_NUDGE_INTERVAL = 0.05
_EXTENSIONS = (
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
)
_AUDIO = ("111 opus/48000/2", ("fmtp:111 minptime=10;useinbandfec=1", "rtcp-fb:111 transport-cc"))
_FEEDBACK = tuple(f"rtcp-fb:96 {kind}" for kind in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"))
_VIDEO = ("96 VP8/90000", (*_FEEDBACK, "rtpmap:97 rtx/90000", "fmtp:97 apt=96"))


def offer(identity: Identity, fingerprint: str) -> str:
    """What a page that calls would offer: Opus, VP8 with retransmission. It is DTLS client, as our pages are."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=msid-semantic: WMS *"]
    for mid, (kind, (codec, more)) in enumerate((("audio", _AUDIO), ("video", _VIDEO))):
        number, _, name = codec.partition(" ")
        numbers = number if kind == "audio" else f"{number} 97"
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 127.0.0.1", "a=rtcp:9 IN IP4 127.0.0.1"]
        lines += [f"a=ice-ufrag:{identity.ufrag}", f"a=ice-pwd:{identity.password}", "a=ice-options:trickle"]
        lines += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:active", f"a=mid:{mid}"]
        first = 0 if kind == "audio" else 1
        lines += [f"a=extmap:{n} {uri}" for n, uri in enumerate(_EXTENSIONS, 1) if n > first]
        lines += ["a=sendrecv", "a=rtcp-mux", "a=rtcp-rsize", f"a=rtpmap:{number} {name}"]
        lines += [f"a={line}" for line in more]
        lines += _sources(kind, identity.sources)
    return "\r\n".join(lines) + "\r\n"


def _sources(kind: str, sources: Sources) -> list[str]:
    if kind == "audio":
        return [f"a=ssrc:{sources.audio} cname:bench", f"a=ssrc:{sources.audio} msid:bench bench{kind}"]
    group = [f"a=ssrc-group:FID {sources.video} {sources.rtx}"]
    return group + [
        line
        for ssrc in (sources.video, sources.rtx)
        for line in (f"a=ssrc:{ssrc} cname:bench", f"a=ssrc:{ssrc} msid:bench bench{kind}")
    ]


def _with_candidate(sdp: str, port: Port, host: int) -> str:
    """The same with our address in each section: Janus waits for one."""
    address = socket.inet_ntoa((HOSTS + host).to_bytes(4, "big"))
    number = port.socket.getsockname()[1]
    line = f"a=candidate:1 1 udp 2130706431 {address} {number} typ host\r\na=end-of-candidates\r\n"
    head, *sections = sdp.split("\r\nm=")
    return (
        head
        + "".join(
            f"\r\nm={section.removesuffix(chr(13) + chr(10))}\r\n{line.removesuffix(chr(13) + chr(10))}"
            for section in sections
        )
        + "\r\n"
    )


class _Page(Peer):
    """A page that also answers connectivity checks: libnice sends them even where it is ICE-lite."""

    _flight: list[bytes] = []  # noqa: RUF012 - replaced, never changed

    def receive(self, packet: PacketBuffer) -> None:
        if packet.view[packet.start] == 0 and packet.view[packet.start + 1] == 1:
            self._answer_check(packet.tobytes())
        else:
            super().receive(packet)

    def nudge(self) -> None:
        """A browser repeats its first DTLS flight after 50 ms, OpenSSL by itself after a second (RFC 6347 §4.2.4.1)."""
        if self._reached and self.cipher is None:
            for data in self._flight:
                self.port.send(data, self.host)
        else:
            super().nudge()

    def _send_dtls(self) -> None:
        flight = []
        while True:
            try:
                flight.append(self._dtls.bio_read(1500))
            except SSL.WantReadError:
                break
        self._flight = flight or self._flight
        for data in flight:
            self.port.send(data, self.host)

    def _answer_check(self, data: bytes) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=asked.transaction_id,
        )
        answer.attributes["XOR-MAPPED-ADDRESS"] = self.facts.address
        answer.add_message_integrity(self._password.encode())
        answer.add_fingerprint()
        self.port.send(bytes(answer), self.host)


class JanusDialing:
    """Opens calls; within `receiving()` only."""

    def __init__(self, janus: Janus, ports: int) -> None:
        self.ports = [Port(("127.0.0.1", 9), HOSTS) for _ in range(ports)]
        self.connect_seconds: list[float] = []
        """From the call to both sides' media, one after another while few are under way."""
        self._janus = janus
        self._credentials = Credentials()
        self._peers: dict[int, Peer] = {}
        self._failure: BenchError | None = None
        self._hosts = 0

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Read the ports while the context lasts."""
        loop = asyncio.get_running_loop()
        for port in self.ports:
            loop.add_reader(port.socket, self._read, port)
        try:
            yield
        finally:
            for port in self.ports:
                loop.remove_reader(port.socket)

    async def open_call(self, number: int) -> list[Traffic]:
        """Both pages of one call, connected."""
        caller, callee = await self._janus.attach(), await self._janus.attach()
        names = (f"caller{number}", f"callee{number}")
        for handle, name in zip((caller, callee), names, strict=True):
            await handle.say({"request": "register", "username": name})
            await handle.event("registered")
        start = time.monotonic()
        identity = Identity.make()
        first_host, second_host = self._hosts, self._hosts + 1
        self._hosts += 2
        description = _with_candidate(
            offer(identity, self._credentials.fingerprint), self._port(first_host), first_host
        )
        jsep = {"type": "offer", "sdp": description}
        await caller.say({"request": "call", "username": names[1]}, jsep)
        incoming = await callee.event("incomingcall")
        second = self._page(second_host, f"leg-{number}-b", incoming["jsep"]["sdp"], None)
        description = _with_candidate(second.answer(), self._port(second_host), second_host)
        await callee.say({"request": "accept"}, {"type": "answer", "sdp": description})
        accepted = await caller.event("accepted")
        first = self._page(first_host, f"leg-{number}-a", accepted["jsep"]["sdp"], identity)
        await asyncio.gather(self._secure(first, caller), self._secure(second, callee))
        self.connect_seconds.append(time.monotonic() - start)
        legs = [Traffic(first), Traffic(second)]
        for leg in legs:
            leg.allowed_bps = FULL_BPS  # Janus limits no page by itself
        return legs

    def close(self) -> None:
        """Free the ports."""
        for port in self.ports:
            port.close()

    def _port(self, host: int) -> Port:
        return self.ports[host % len(self.ports)]

    def _page(self, host: int, name: str, sdp: str, identity: Identity | None) -> Peer:
        port = self._port(host)
        port.route(host, read_offer(sdp).address)
        peer = self._peers[host] = _Page(host, port, self._credentials, Offer(name, name, sdp, {}), identity)
        return peer

    async def _secure(self, peer: Peer, handle: Handle) -> None:
        peer.send_check()
        peer.port.flush()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                while not handle.up.done() or peer.cipher is None:
                    await asyncio.wait((handle.up,), timeout=_NUDGE_INTERVAL)
                    if self._failure is not None:
                        raise self._failure
                    if peer.cipher is None:
                        peer.nudge()
                        peer.port.flush()
                await handle.up
        except TimeoutError as error:
            raise BenchError(f"{peer.leg_id} did not connect within {CONNECT_TIMEOUT:g} s") from error

    def _read(self, port: Port) -> None:
        for packet, host, _ in port.receive():
            peer = self._peers.get(host)
            if peer is None or packet.view[packet.start] >= 128:
                continue
            try:
                peer.receive(packet)
            except BenchError as error:
                self._failure = error
        port.flush()
