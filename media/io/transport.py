"""One leg's transport: which path to send on, its DTLS association, its keys. The bridge's way out (Outlet)."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from media.bridge.leg import Leg
from media.io.arena import CAPACITY, fill
from media.io.counters import Counters
from media.io.dtls import Certificate, DtlsServer, is_farewell
from media.io.endpoint import Endpoint
from media.io.ice import AgentTable, IceAgent
from media.io.limits import InProgress
from media.io.paths import Path
from media.io.silence import Silence
from media.io.srtp import OK, REPLAYED, Cipher
from media.wire.buffer import PacketBuffer

logger = logging.getLogger(__name__)

DTLS_KEPT = 15.0
"""The association stays this long after the handshake in case its last flight was lost, or until the peer's SRTP
shows that it was not."""

ANSWER_SECONDS = 0.4
"""A page tells what it received every 0.05 to 0.25 s."""

_SHORTEST_RTP = 12 + 10
_SHORTEST_RTCP = 8 + 4 + 10
"""Header, SRTCP index and the shortest tag."""


class Owner(Protocol):
    """Who is told what becomes of the transport."""

    def transport_ready(self) -> None:
        """The handshake is done and the fingerprint matches."""

    def transport_failed(self, reason: str) -> None: ...

    def path_changed(self, elsewhere: bool) -> None:
        """Media takes another path from now on; `elsewhere`: over another network or protocol."""

    def faulted(self) -> None:
        """An exception of our own in the packet path."""


class _Nobody:
    """Who is told of a transport that is closed: a leg and its transport do not keep each other."""

    def transport_ready(self) -> None: ...

    def transport_failed(self, reason: str) -> None: ...

    def path_changed(self, elsewhere: bool) -> None: ...

    def faulted(self) -> None: ...


class Shared:
    """What all legs of an engine have in common."""

    def __init__(
        self,
        endpoint: Endpoint,
        agents: AgentTable,
        certificate: Certificate,
        counters: Counters,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.endpoint = endpoint
        self.agents = agents
        self.certificate = certificate
        self.counters = counters
        self.spawn = spawn
        self.handshakes = InProgress(a_source=64, total=512)


class LegTransport:
    """Between datagrams and decrypted packets, for one leg (media.io.paths.PacketSink, media.bridge.ports.Outlet)."""

    def __init__(self, shared: Shared, owner: Owner) -> None:
        self.silence = Silence()
        self.ice = IceAgent(self, shared.agents, self._path_selected, self._silent)
        self.heard_at = 0.0
        """When the last authenticated packet or check came in."""
        self.rtp_at = 0.0
        self.farewell_at = 0.0
        """When the peer seemed to close; unauthenticated, to be believed if nothing is heard afterwards."""
        self._shared = shared
        self._endpoint = shared.endpoint
        self._counters = shared.counters
        self._owner: Owner = owner
        self._path: Path | None = None
        self._path_before: tuple[str, bytes] | None = None
        """Protocol and address of the last path that was used; it may have closed since."""
        self._dtls_path: Path | None = None
        self._dtls: DtlsServer | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._handshake_done = False
        self._ready_at = 0.0
        self._released = False
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._cipher: Cipher | None = None
        self._leg: Leg | None = None
        self._closed = False

    @property
    def label(self) -> str:
        """`udp4`, `tcp6` and so on; empty before there is a path."""
        return self._path.transport if self._path is not None else ""

    @property
    def heard(self) -> float:
        """When anything authenticated came in last, checks included."""
        path = self.ice.selected
        return max(self.heard_at, path.checked_at) if path is not None else self.heard_at

    def expect(self, fingerprints: tuple[tuple[str, str], ...]) -> None:
        """The answer came: this is the certificate to believe."""
        self._fingerprints = fingerprints
        self._finish()

    def attach(self, leg: Leg) -> None:
        """Where packets go from now on."""
        self._leg = leg

    # --- in ---

    def receive_media(self, packet: PacketBuffer, now: float) -> None:
        cipher, leg = self._cipher, self._leg
        if cipher is None or leg is None:
            self._counters.srtp_dropped_early += 1
            return
        start = packet.start
        length = packet.end - start
        try:
            if 192 <= packet.view[start + 1] < 224:  # RTCP by payload type (RFC 5761 §4)
                status = cipher.unprotect_rtcp(packet) if length >= _SHORTEST_RTCP else -1
                if status == OK:
                    self.heard_at = now
                    leg.receive_rtcp(packet.tobytes(), now)
                    return
            else:
                status = cipher.unprotect_rtp(packet) if length >= _SHORTEST_RTP else -1
                if status == OK:
                    self.heard_at = self.rtp_at = now
                    leg.receive_rtp(packet, now)
                    return
        except Exception:
            self._fault("a packet")
            return
        if status in REPLAYED:
            self._counters.srtp_replayed += 1
        else:
            self._counters.srtp_refused += 1

    def receive_dtls(self, path: Path, data: bytes, now: float) -> None:
        if self._closed:
            return
        if self._released:
            if is_farewell(data):
                self.farewell_at = now
            return
        self._dtls_path = path
        if self._dtls is None and not self._begin_handshake(path):
            self._counters.dtls_limited += 1
        elif self._dtls is None or not self._dtls.feed(data):
            self._counters.dtls_dropped += 1

    def lost(self, path: Path) -> None:
        self.ice.lost(path)
        if path is self._path:
            self._path = None
            remaining = max(self.ice.paths, key=lambda p: p.checked_at, default=None)
            if remaining is not None:
                self.ice.selected = remaining
                self._path_selected(remaining)
        if path is self._dtls_path:
            self._dtls_path = None

    # --- out (media.bridge.ports.Outlet) ---

    def send_rtp(self, packet: PacketBuffer) -> None:
        cipher, path = self._cipher, self._path
        if cipher is None or path is None:
            return
        if cipher.protect_rtp(packet) == OK:
            path.send_packet(packet)
        else:
            self._counters.srtp_protect_failed += 1

    def send_rtp_bytes(self, data: bytes) -> None:
        if self._cipher is not None and self._path is not None and len(data) <= CAPACITY:
            slot = self._endpoint.take_slot()
            fill(slot, data)
            self.send_rtp(slot)

    def send_rtcp(self, data: bytes) -> None:
        cipher, path = self._cipher, self._path
        if cipher is None or path is None or len(data) > CAPACITY:
            return
        slot = self._endpoint.take_slot()
        fill(slot, data)
        if cipher.protect_rtcp(slot) == OK:
            path.send_packet(slot)
        else:
            self._counters.srtp_protect_failed += 1

    # --- life ---

    def relax(self, now: float) -> None:
        """Free what only the handshake needed, once it is over. Called now and then."""
        if self._cipher is None or self._dtls is None:
            return
        if self.heard_at > self._ready_at or now - self._ready_at > DTLS_KEPT:
            dtls, self._dtls, self._released = self._dtls, None, True
            self._shared.spawn(dtls.release())

    async def close(self) -> None:
        """Say close_notify and forget addresses and keys. Packets queued before still leave."""
        if self._closed:
            return
        self._closed = True
        if self._handshake is not None:
            self._handshake.cancel()
        if self._dtls is not None:
            await self._dtls.close()
            self._dtls = None
        self._endpoint.flush()
        self.ice.close()
        self._path = self._dtls_path = self._cipher = self._leg = self._handshake = None
        self._owner = _Nobody()

    def answered(self, now: float) -> float:
        """The last sign that the path works both ways."""
        return self.heard_at if self._leg is None else min(self.heard_at, self._leg.answered_at(now) + ANSWER_SECONDS)

    def _silent(self, now: float) -> bool:
        return self.silence.unusual(self.answered(now), now)

    def _path_selected(self, path: Path) -> None:
        before, self._path = self._path_before, path
        self._path_before = (path.transport, path.address.packed)
        if before is not None and self._leg is not None:
            self.silence.begin()
            self._owner.path_changed(before != self._path_before)

    def _begin_handshake(self, path: Path) -> bool:
        if not self._shared.handshakes.begin(path.source):
            return False
        self._counters.dtls_handshakes += 1
        self._dtls = DtlsServer(self._shared.certificate, self._send_dtls)
        self._handshake = self._shared.spawn(self._shake_hands(self._dtls, path.source))
        return True

    async def _shake_hands(self, dtls: DtlsServer, source: bytes) -> None:
        try:
            succeeded = await dtls.handshake()
        except Exception:
            self._fault("a handshake")
            return
        finally:
            self._shared.handshakes.end(source)
        if self._closed:
            return
        if not succeeded:
            self._fail("the DTLS handshake failed")
            return
        self._handshake_done = True
        self._counters.dtls_connected += 1
        dtls.on("statechange", self._dtls_changed)
        try:
            self._finish()
        except Exception:
            self._fault("connecting")

    def _finish(self) -> None:
        """Once the handshake is done and the answer known, in whichever order: check who it is, open for media."""
        if not self._handshake_done or not self._fingerprints or self._cipher is not None:
            return
        assert self._dtls is not None
        if self._dtls.identify(self._fingerprints):
            self._cipher = self._dtls.cipher()
            self.heard_at = self._ready_at = time.monotonic()
            self._owner.transport_ready()
        else:
            self._fail("the certificate is not the one the answer announced")

    def _dtls_changed(self) -> None:
        if not self._closed and self._dtls is not None and self._dtls.state in ("closed", "failed"):
            self._owner.transport_failed("the peer closed the connection")

    def _fail(self, reason: str) -> None:
        self._counters.dtls_failed += 1
        self._owner.transport_failed(reason)

    def _fault(self, where: str) -> None:
        self._counters.faults += 1
        logger.exception("%s failed by our own fault: its call is closed", where)
        self._owner.faulted()

    def _send_dtls(self, data: bytes) -> None:
        path = self._dtls_path or self._path
        if path is not None:
            path.send_bytes(data)
            self._endpoint.flush()
