"""The page's answer, checked line by line against our offer (RFC 8829 §5.3.1, RFC 3264 §6).

What a browser leaves out is simply not used with it: Firefox may leave out abs-send-time and flexfec, Safari flexfec
and RED. What it adds is refused. Candidates in it are counted and ignored: an ICE-lite server checks nothing.
"""

import re
from typing import NamedTuple

import msgspec

from media.api import Kind, Slot
from media.bridge.parameters import ExtensionIds, InboundSlot, LegParameters, OutboundSlot, PayloadTypes
from media.errors import NegotiationError
from media.io.offer import (
    CODECS,
    EXTENSION_URIS,
    LINES,
    Identity,
    Line,
    extension_number,
    extensions_of,
    outbound_slot,
    payload_number,
)
from media.io.sdp import Section, parse_description, shown

_SENDS = {"sendrecv": True, "sendonly": True, "recvonly": False, "inactive": False}
_ALLOWED = {
    "sendrecv": {"sendrecv", "sendonly", "recvonly", "inactive"},
    "recvonly": {"sendonly", "inactive"},
    "sendonly": {"recvonly", "inactive"},
}
"""Answers to a direction of ours (RFC 3264 §6.1)."""
_CHECKABLE = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63}")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_NUMBER = re.compile(r"[0-9]{1,10}")


class Answer(NamedTuple):
    """What was agreed."""

    parameters: LegParameters
    fingerprints: tuple[tuple[str, str], ...]
    """(algorithm, value), lower and upper case."""
    ufrag: str


class _Accepted(NamedTuple):
    line: Line
    section: Section
    direction: str
    payload_types: PayloadTypes


def parse_answer(text: str, identity: Identity, max_video_bps: int) -> Answer:
    """Take an answer to our offer; raise NegotiationError that names the line and the reason."""
    session, media = parse_description(text)
    if len(media) != len(LINES):
        raise NegotiationError(f"the offer has {len(LINES)} m-lines, the answer {len(media)}")
    accepted = []
    for line, section in zip(LINES, media, strict=True):
        if section.kind != line.kind:
            raise NegotiationError(f"m-line {line.mid} is {line.kind}, the answer says {shown(section.kind)}")
        if section.port != "0":
            checked = _check_line(line, section, session)
            if _carries(checked.payload_types):  # a browser without our codecs takes RED and parity all the same
                accepted.append(checked)
    if not accepted:
        raise NegotiationError("every m-line is rejected")
    _check_bundle(session, accepted)
    fingerprints, ufrag = _check_transport(session, accepted)
    return Answer(_parameters(accepted, identity, max_video_bps), fingerprints, ufrag)


# --- the transport, the same for all lines -----------------------------------------------------------------------


def _check_bundle(session: Section, accepted: list[_Accepted]) -> None:
    groups = [value.split()[1:] for value in session.values("group") if value.startswith("BUNDLE ")]
    bundled = set(groups[0]) if groups else set()
    for line, *_ in accepted:
        if line.mid not in bundled:
            raise NegotiationError(f"m-line {line.mid} is not in a=group:BUNDLE")


def _check_transport(session: Section, accepted: list[_Accepted]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Fingerprints and user fragment; every line that states them must state the same."""
    ufrag = _same("ice-ufrag", session, accepted)
    password = _same("ice-pwd", session, accepted)
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise NegotiationError("a=ice-ufrag or a=ice-pwd is malformed (RFC 8839 §5.4)")
    setup = _same("setup", session, accepted)
    if setup != "active":
        raise NegotiationError(f"a=setup must be active, the server waits for the handshake; not {shown(setup)}")
    if not accepted[0].section.has("rtcp-mux"):
        raise NegotiationError("a=rtcp-mux is missing")
    return _fingerprints(session, accepted), ufrag


def _same(name: str, session: Section, accepted: list[_Accepted]) -> str:
    stated = {value for section in (session, *(a.section for a in accepted)) for value in section.values(name)}
    if len(stated) > 1:
        raise NegotiationError(f"a={name} differs between lines of one bundle")
    if not stated:
        raise NegotiationError(f"a={name} is missing")
    return stated.pop()


def _fingerprints(session: Section, accepted: list[_Accepted]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for section in (session, *(a.section for a in accepted)):
        for stated in section.values("fingerprint"):
            algorithm, _, value = stated.partition(" ")
            algorithm, value = algorithm.lower(), value.strip().upper()
            if algorithm not in _CHECKABLE:
                continue
            if not _FINGERPRINT.fullmatch(value) or len(value) != 3 * _CHECKABLE[algorithm] - 1:
                raise NegotiationError(f"a=fingerprint is malformed: {shown(stated)}")
            if found.setdefault(algorithm, value) != value:
                raise NegotiationError("a=fingerprint differs between lines of one bundle")
    if not found:
        raise NegotiationError("no a=fingerprint with sha-256, sha-384 or sha-512")
    return tuple(found.items())


# --- one line ----------------------------------------------------------------------------------------------------


def _check_line(line: Line, section: Section, session: Section) -> _Accepted:
    if section.first("mid") != line.mid:
        raise NegotiationError(f"m-line {line.mid} comes back with a=mid:{shown(section.first('mid') or '')}")
    if section.protocol != "UDP/TLS/RTP/SAVPF":
        raise NegotiationError(f"m-line {line.mid}: the protocol must be UDP/TLS/RTP/SAVPF")
    _check_extensions(line, section)
    return _Accepted(line, section, _direction(line, section, session), _payload_types(line, section))


def _direction(line: Line, section: Section, session: Section) -> str:
    stated = [name for name, _ in section.attributes if name in _SENDS]
    stated += [name for name, _ in session.attributes if name in _SENDS]
    direction = stated[0] if stated else "sendrecv"
    if direction not in _ALLOWED[line.direction]:
        raise NegotiationError(f"m-line {line.mid} is offered {line.direction}, the answer cannot be {direction}")
    return direction


def _payload_types(line: Line, section: Section) -> PayloadTypes:
    """Which of the offered codecs came back. A number of ours with another codec, or a new number, is an error."""
    names = {str(payload_number(name)): name for name in line.payloads}
    codecs = {}
    for mapping in section.values("rtpmap"):
        number, _, codec = mapping.partition(" ")
        codecs[number] = codec.strip()
    accepted: dict[str, int] = {}
    for number in section.payload_types:
        name = names.get(number)
        if name is None:
            raise NegotiationError(f"m-line {line.mid}: payload type {shown(number)} was not offered")
        if codecs.get(number, "").lower() != CODECS[name].lower():
            raise NegotiationError(f"m-line {line.mid}: payload type {number} is {CODECS[name]} in the offer")
        accepted[name] = int(number)
    if line.kind is Kind.AUDIO and "opus" not in accepted:
        raise NegotiationError(f"m-line {line.mid}: no codec in common")
    return PayloadTypes(**_without_orphans(accepted))


def _carries(types: PayloadTypes) -> bool:
    return any(number is not None for number in (types.opus, types.vp8, types.h264))


_NEEDS = {
    "red_audio": "opus",
    "vp8_rtx": "vp8",
    "h264_rtx": "h264",
    "red_video_rtx": "red_video",
    "ulpfec": "red_video",
}


def _without_orphans(accepted: dict[str, int]) -> dict[str, int]:
    """What belongs to a codec that was not accepted is of no use."""
    return {name: number for name, number in accepted.items() if _NEEDS.get(name, name) in accepted}


def _check_extensions(line: Line, section: Section) -> None:
    offered = {str(extension_number(name)): EXTENSION_URIS[name] for name in extensions_of(line.kind)}
    for mapping in section.values("extmap"):
        number, _, uri = mapping.partition(" ")
        if offered.get(number.partition("/")[0]) != uri.strip():
            raise NegotiationError(f"m-line {line.mid}: a=extmap:{shown(mapping)} was not offered")


# --- what the bridge needs ---------------------------------------------------------------------------------------


def _parameters(accepted: list[_Accepted], identity: Identity, max_video_bps: int) -> LegParameters:
    inbound = tuple(_inbound(a) for a in accepted if _receives(a.line) and _SENDS[a.direction])
    outbound = tuple(_outbound(a, identity) for a in accepted if _sends(a))
    video = [a for a in accepted if a.line.kind is Kind.VIDEO]
    return LegParameters(
        cname=identity.cname,
        extensions=_extensions(accepted),
        inbound=inbound,
        outbound=outbound,
        max_video_bps=max_video_bps,
        nack=_feedback(video, "nack"),
        pli=_feedback(video, "nack pli"),
        transport_cc=any(_feedback([a], "transport-cc") for a in accepted),
        remb=_feedback(video, "goog-remb"),
        reduced_size_rtcp=all(a.section.has("rtcp-rsize") for a in accepted),
    )


def _receives(line: Line) -> bool:
    return line.direction in ("sendrecv", "recvonly")


def _sends(accepted: _Accepted) -> bool:
    return accepted.line.direction != "recvonly" and accepted.direction in ("sendrecv", "recvonly")


def _inbound(accepted: _Accepted) -> InboundSlot:
    line, section, _, payload_types = accepted
    ssrc, rtx = _sources(section)
    return InboundSlot(line.mid, line.slot, line.kind, payload_types, ssrc, rtx if line.slot is Slot.CAMERA else None)


def _outbound(accepted: _Accepted, identity: Identity) -> OutboundSlot:
    slot = outbound_slot(accepted.line, identity, accepted.payload_types)
    return msgspec.structs.replace(slot, counted=_takes(accepted, "transport_cc"))


def _sources(section: Section) -> tuple[int | None, int | None]:
    """SSRCs of media and retransmission as the page announces them (RFC 5576), None where it does not."""
    for group in section.values("ssrc-group"):
        match group.split():
            case ["FID", media, rtx] if _NUMBER.fullmatch(media) and _NUMBER.fullmatch(rtx):
                return _ssrc(media), _ssrc(rtx)
    for source in section.values("ssrc"):
        number = source.partition(" ")[0]
        if _NUMBER.fullmatch(number):
            return _ssrc(number), None
    return None, None


def _ssrc(text: str) -> int | None:
    number = int(text)
    return number if 0 < number < 1 << 32 else None


def _extensions(accepted: list[_Accepted]) -> ExtensionIds:
    """An extension is used when any line took it (Firefox takes transport-cc on video only): one id means the same on
    all lines, and a receiver ignores ids that it does not know (RFC 8285 §4.1)."""
    taken: dict[str, int] = {}
    for name in EXTENSION_URIS:
        lines = [a for a in accepted if name in extensions_of(a.line.kind)]
        if any(_takes(a, name) for a in lines):
            taken[name] = extension_number(name)
    return ExtensionIds(**taken)


def _takes(accepted: _Accepted, name: str) -> bool:
    number = str(extension_number(name))
    return any(value.partition(" ")[0].partition("/")[0] == number for value in accepted.section.values("extmap"))


def _feedback(accepted: list[_Accepted], kind: str) -> bool:
    """Whether a kind of feedback is in every one of these lines, for some codec or for all (`*`)."""
    return bool(accepted) and all(
        any(value.partition(" ")[2].strip() == kind for value in a.section.values("rtcp-fb")) for a in accepted
    )
