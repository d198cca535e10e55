"""SRTP in place on slots of the arena (RFC 3711, RFC 7714): half the price of copying in and out (media.md §3).

The only file that touches pylibsrtp's private names: `pylibsrtp.lib`, `pylibsrtp.ffi` and `Session._srtp`.
tests/unit/media/io/test_srtp.py fails loudly when a version moves them; then the public API works as the fallback.
"""

from abc import ABC, abstractmethod
from typing import Protocol

import pylibsrtp

from media.wire.buffer import PacketBuffer

OK = 0
"""srtp_err_status_ok; everything else means the packet is to be dropped."""
REPLAYED = frozenset({9, 10})
"""srtp_err_status_replay_fail and _replay_old."""
REFUSED = 7
"""srtp_err_status_auth_fail; the fallback says this for every failure."""

_LONGEST_FOR_COPY = 1500 - 148


class Cipher(ABC):
    """Both directions of one leg. Each method works on `packet.view[start:end]` in its slot, moves `end` and
    returns OK or libsrtp's error number. A failed packet's content is undefined."""

    __slots__ = ()

    @abstractmethod
    def unprotect_rtp(self, packet: PacketBuffer) -> int: ...

    @abstractmethod
    def unprotect_rtcp(self, packet: PacketBuffer) -> int: ...

    @abstractmethod
    def protect_rtp(self, packet: PacketBuffer) -> int: ...

    @abstractmethod
    def protect_rtcp(self, packet: PacketBuffer) -> int: ...


class InPlaceCipher(Cipher):
    """Calls libsrtp on the slot's own memory; `packet.pointer` is a cffi `char *` to the slot's first byte."""

    __slots__ = (
        "_inbound",
        "_length",
        "_outbound",
        "_protect",
        "_protect_rtcp",
        "_sessions",
        "_unprotect",
        "_unprotect_rtcp",
    )

    def __init__(self, inbound: pylibsrtp.Session, outbound: pylibsrtp.Session) -> None:
        self._sessions = (inbound, outbound)  # they own what the pointers below point to
        self._inbound = inbound._srtp[0]
        self._outbound = outbound._srtp[0]
        self._length = pylibsrtp.ffi.new("int *")
        library = pylibsrtp.lib
        self._unprotect = library.srtp_unprotect
        self._unprotect_rtcp = library.srtp_unprotect_rtcp
        self._protect = library.srtp_protect
        self._protect_rtcp = library.srtp_protect_rtcp

    def unprotect_rtp(self, packet: PacketBuffer) -> int:
        start = packet.start
        length = self._length
        length[0] = packet.end - start
        status: int = self._unprotect(self._inbound, packet.pointer + start, length)
        packet.end = start + length[0]
        return status

    def unprotect_rtcp(self, packet: PacketBuffer) -> int:
        start = packet.start
        length = self._length
        length[0] = packet.end - start
        status: int = self._unprotect_rtcp(self._inbound, packet.pointer + start, length)
        packet.end = start + length[0]
        return status

    def protect_rtp(self, packet: PacketBuffer) -> int:
        start = packet.start
        length = self._length
        length[0] = packet.end - start
        status: int = self._protect(self._outbound, packet.pointer + start, length)
        packet.end = start + length[0]
        return status

    def protect_rtcp(self, packet: PacketBuffer) -> int:
        start = packet.start
        length = self._length
        length[0] = packet.end - start
        status: int = self._protect_rtcp(self._outbound, packet.pointer + start, length)
        packet.end = start + length[0]
        return status


class CopyingCipher(Cipher):
    """The same through pylibsrtp's public API, for versions whose private names moved."""

    def __init__(self, inbound: pylibsrtp.Session, outbound: pylibsrtp.Session) -> None:
        self._inbound = inbound
        self._outbound = outbound

    def unprotect_rtp(self, packet: PacketBuffer) -> int:
        return self._through(self._inbound.unprotect, packet)

    def unprotect_rtcp(self, packet: PacketBuffer) -> int:
        return self._through(self._inbound.unprotect_rtcp, packet)

    def protect_rtp(self, packet: PacketBuffer) -> int:
        return self._through(self._outbound.protect, packet)

    def protect_rtcp(self, packet: PacketBuffer) -> int:
        return self._through(self._outbound.protect_rtcp, packet)

    @staticmethod
    def _through(transform: "Transform", packet: PacketBuffer) -> int:
        if packet.end - packet.start > _LONGEST_FOR_COPY:
            return REFUSED
        try:
            data = transform(packet.tobytes())
        except pylibsrtp.Error as error:
            return 9 if "replay" in str(error) else REFUSED
        packet.end = packet.start + len(data)
        packet.view[packet.start : packet.end] = data
        return OK


class Transform(Protocol):
    """One of pylibsrtp's public packet functions."""

    def __call__(self, packet: bytes, /) -> bytes: ...


def names_are_where_we_expect() -> bool:
    """Whether this pylibsrtp can be used in place."""
    session = pylibsrtp.Session()
    functions = ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")
    return (
        hasattr(session, "_srtp")
        and hasattr(pylibsrtp, "ffi")
        and all(hasattr(getattr(pylibsrtp, "lib", None), name) for name in functions)
    )


_IN_PLACE = names_are_where_we_expect()


def make_cipher(inbound: pylibsrtp.Session, outbound: pylibsrtp.Session) -> Cipher:
    """The fastest cipher this pylibsrtp allows."""
    return InPlaceCipher(inbound, outbound) if _IN_PLACE else CopyingCipher(inbound, outbound)
