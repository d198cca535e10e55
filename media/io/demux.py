"""What a datagram is, by its first byte (RFC 7983 §7), and whose, by its path."""

from media.io.address import source_of
from media.io.counters import Counters
from media.io.endpoint import Endpoint, UdpPath
from media.io.ice import AgentTable
from media.io.paths import Path
from media.io.stun import binding_response
from media.wire.buffer import PacketBuffer


class Demux:
    """Gives SRTP and DTLS of verified paths to their legs, answers STUN, drops and counts the rest."""

    endpoint: Endpoint
    """Set right after both are made; they know each other."""

    def __init__(self, agents: AgentTable, counters: Counters) -> None:
        self._agents = agents
        self._counters = counters

    def receive_datagram(self, packet: PacketBuffer, source: bytes, now: float) -> None:
        """A UDP datagram; `source` is its raw sockaddr."""
        path = self.endpoint.paths.get(source)
        first = packet.view[packet.start]
        if 127 < first < 192:
            if path is not None and path.owner is not None:
                path.owner.receive_media(packet, now)
            else:
                self._counters.datagrams_dropped_unverified += 1
        elif first < 4:
            self._check_over_udp(packet.tobytes(), source, path, now)
        else:
            self._other(packet, first, path, now)

    def receive_frame(self, packet: PacketBuffer, path: Path, now: float) -> None:
        """One frame of a TCP connection."""
        first = packet.view[packet.start]
        if 127 < first < 192 and path.owner is not None:
            path.owner.receive_media(packet, now)
        elif first < 4:
            self._check_over_tcp(packet.tobytes(), path, now)
        else:
            self._other(packet, first, path, now)

    def _other(self, packet: PacketBuffer, first: int, path: Path | None, now: float) -> None:
        if not (19 < first < 64 or 127 < first < 192):
            self._counters.datagrams_dropped_unknown += 1
        elif path is None or path.owner is None:
            self._counters.datagrams_dropped_unverified += 1
        else:
            path.owner.receive_dtls(path, packet.tobytes(), now)

    def _check_over_udp(self, data: bytes, source: bytes, path: UdpPath | None, now: float) -> None:
        check = self._agents.verify(data, source_of(source), now, known=path is not None)
        if check is None:
            return
        path = path or UdpPath(self.endpoint, source)
        if not self._agents.may_use(check, path, now):
            return
        self.endpoint.paths[source] = path
        self._counters.stun_checks += 1
        check.agent.checked(path, check.request, now)
        path.send_bytes(binding_response(check.request, path.address, check.password))

    def _check_over_tcp(self, data: bytes, path: Path, now: float) -> None:
        check = self._agents.verify(data, path.source, now, known=path.owner is not None)
        if check is None or not self._agents.may_use(check, path, now):
            return
        self._counters.stun_checks += 1
        check.agent.checked(path, check.request, now)
        path.send_bytes(binding_response(check.request, path.address, check.password))
