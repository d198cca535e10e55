"""What happened at the edge, counted: the shell's part of EngineStatus.counters."""

import dataclasses


@dataclasses.dataclass(slots=True)
class Counters:
    """Monotonic counters of one engine. Plain attributes, because the packet path increments them."""

    datagrams_received: int = 0
    datagrams_sent: int = 0
    datagrams_dropped_unverified: int = 0
    """DTLS, RTP or RTCP from an address without a passed STUN check."""
    datagrams_dropped_unknown: int = 0
    """Neither STUN, DTLS nor RTP by the first byte (RFC 7983 §7)."""
    datagrams_dropped_oversized: int = 0
    datagrams_dropped_send: int = 0
    """The kernel did not take them: send buffer full or destination refused."""
    stun_checks: int = 0
    stun_malformed: int = 0
    stun_unknown_ufrag: int = 0
    stun_bad_integrity: int = 0
    stun_limited: int = 0
    """Not even looked at: too many failed checks from the same source."""
    stun_address_taken: int = 0
    """A correct check from an address that another leg is using."""
    paths_selected: int = 0
    """Legs that moved to another address, the first selection included."""
    paths_dropped: int = 0
    """Verified addresses that gave way to newer ones or were not heard any more."""
    dtls_handshakes: int = 0
    dtls_connected: int = 0
    dtls_failed: int = 0
    dtls_limited: int = 0
    """Datagrams that would have begun a handshake while the source has too many in progress."""
    dtls_dropped: int = 0
    """The leg's inbox was full or it had ended."""
    srtp_refused: int = 0
    """Failed authentication: spoofed, damaged, or an older key."""
    srtp_replayed: int = 0
    srtp_dropped_early: int = 0
    """RTP or RTCP before the handshake ended and the answer's fingerprint matched."""
    srtp_protect_failed: int = 0
    tcp_accepted: int = 0
    tcp_refused: int = 0
    """Too many unauthenticated connections, all or of one source."""
    tcp_expired: int = 0
    """No STUN check passed in time."""
    tcp_malformed: int = 0
    tcp_dropped_behind: int = 0
    """Packets for a TCP path whose peer does not read fast enough."""
    answers_refused: int = 0
    legs_opened: int = 0
    legs_connected: int = 0
    legs_failed: int = 0
    legs_closed: int = 0
    faults: int = 0
    """Our own: an exception on the packet path; the call was closed."""
    events_dropped: int = 0

    def as_dict(self) -> dict[str, int]:
        """Name -> count."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
