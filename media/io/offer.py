"""The server's offer: five fixed m-lines, written once a leg (media.md §2, RFC 8829, RFC 8843).

Video lines go one way each, because on a sendrecv line Chromium strikes out flexfec-03, which it cannot send.
RED comes first in audio lines: that makes Chromium send it.
"""

import secrets
from typing import NamedTuple

from media.api import Kind, Slot
from media.bridge.parameters import ExtensionIds, OutboundSlot, PayloadTypes
from media.io.candidates import Advertised, candidate_lines
from media.io.ice import Credentials

PAYLOAD_TYPES = PayloadTypes(
    opus=111,
    red_audio=63,
    vp8=96,
    vp8_rtx=97,
    h264=102,
    h264_rtx=103,
    red_video=98,
    red_video_rtx=99,
    ulpfec=100,
    flexfec=101,
)
"""The numbers of every leg; which of them a leg has is for its answer to say."""

EXTENSION_IDS = ExtensionIds(mid=1, audio_level=2, abs_send_time=3, transport_cc=4, playout_delay=5)

EXTENSION_URIS = {
    "mid": "urn:ietf:params:rtp-hdrext:sdes:mid",
    "audio_level": "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "abs_send_time": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "transport_cc": "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "playout_delay": "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
}


class Line(NamedTuple):
    """One m-line of the offer."""

    mid: str
    slot: Slot
    kind: Kind
    direction: str
    payloads: tuple[str, ...]
    """Names of PayloadTypes' fields, in order of preference."""


_AUDIO = ("red_audio", "opus")
_VIDEO = ("vp8", "vp8_rtx", "h264", "h264_rtx")
_PROTECTION = ("flexfec", "red_video", "red_video_rtx", "ulpfec")
_FROM_CAMERA = _VIDEO + _PROTECTION[1:]

LINES = (
    Line("0", Slot.AUDIO, Kind.AUDIO, "sendrecv", _AUDIO),
    Line("1", Slot.CAMERA, Kind.VIDEO, "recvonly", _FROM_CAMERA),
    Line("2", Slot.MAIN, Kind.VIDEO, "sendonly", _VIDEO + _PROTECTION),
    Line("3", Slot.SIDE, Kind.VIDEO, "sendonly", _VIDEO + _PROTECTION),
    Line("4", Slot.AUDIO_SIDE, Kind.AUDIO, "sendonly", _AUDIO),
)
SLOTS = {line.mid: line.slot for line in LINES}

CODECS = {
    "opus": "opus/48000/2",
    "red_audio": "red/48000/2",
    "vp8": "VP8/90000",
    "vp8_rtx": "rtx/90000",
    "h264": "H264/90000",
    "h264_rtx": "rtx/90000",
    "red_video": "red/90000",
    "red_video_rtx": "rtx/90000",
    "ulpfec": "ulpfec/90000",
    "flexfec": "flexfec-03/90000",
}
"""rtpmap by field of PayloadTypes."""

_START = "x-google-start-bitrate=100"
"""kbit/s from which libwebrtc begins to try what a connection carries (media_constants.cc; others ignore it).

It tries three and six times as much at once and goes on from there while the call rings. Its own beginning, 300 kbit/s,
costs 8 kB in the first quarter of a second: 1.6 s of a link of 40 kbit/s. From 100 it is up as soon. Our pages say
another number to their browser where that did not work: web/shared/sending.js."""
_FORMATS = {
    "vp8": _START,
    "red_audio": f"{PAYLOAD_TYPES.opus}/{PAYLOAD_TYPES.opus}",
    "vp8_rtx": f"apt={PAYLOAD_TYPES.vp8}",
    "h264": f"{_START};level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "h264_rtx": f"apt={PAYLOAD_TYPES.h264}",
    "red_video_rtx": f"apt={PAYLOAD_TYPES.red_video}",
    "flexfec": "repair-window=10000000",
}
_FEEDBACK = {
    "opus": ("transport-cc", "nack"),
    "vp8": ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
    "h264": ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
    "red_video": ("goog-remb", "transport-cc"),
    "flexfec": ("goog-remb", "transport-cc"),
}
_EXTENSIONS = {
    Kind.AUDIO: ("mid", "audio_level", "abs_send_time", "transport_cc"),
    Kind.VIDEO: ("mid", "abs_send_time", "transport_cc", "playout_delay"),
}


class Identity(NamedTuple):
    """What stays the same in every offer of one leg."""

    session: int
    cname: str
    ssrcs: dict[str, tuple[int, int, int]]
    """mid -> SSRCs of media, retransmission and flexfec; only for lines on which we send."""


def new_identity() -> Identity:
    """Random numbers for a new leg; SSRCs differ from each other."""
    sending = [line for line in LINES if line.direction != "recvonly"]
    numbers: set[int] = set()
    while len(numbers) < 3 * len(sending):
        numbers.add(1 + secrets.randbelow(0xFFFFFFFE))
    left = iter(numbers)
    ssrcs = {line.mid: (next(left), next(left), next(left)) for line in sending}
    return Identity(secrets.randbits(62), secrets.token_urlsafe(12), ssrcs)


def payload_number(name: str) -> int:
    """The payload type of a field of PayloadTypes in our offers."""
    number: int = getattr(PAYLOAD_TYPES, name)
    return number


def extension_number(name: str) -> int:
    """The id of a field of ExtensionIds in our offers."""
    number: int = getattr(EXTENSION_IDS, name)
    return number


def extensions_of(kind: Kind) -> tuple[str, ...]:
    """Which extensions an m-line of this kind is offered."""
    return _EXTENSIONS[kind]


def outbound_slot(line: Line, identity: Identity, accepted: PayloadTypes) -> OutboundSlot:
    """The line as the bridge sees it, with the SSRCs of our offer."""
    ssrc, rtx, flexfec = identity.ssrcs[line.mid]
    with_rtx = accepted.vp8_rtx is not None or accepted.h264_rtx is not None
    return OutboundSlot(
        line.mid,
        line.slot,
        line.kind,
        accepted,
        ssrc,
        rtx if with_rtx else None,
        flexfec if accepted.flexfec is not None else None,
    )


class OfferTerms(NamedTuple):
    """What one offer says beside the fixed lines."""

    identity: Identity
    generation: int
    credentials: Credentials
    fingerprint: str
    """SHA-256 of our certificate."""
    advertised: Advertised
    dtx: bool
    max_video_bps: int


def build_offer(terms: OfferTerms) -> str:
    """The session description, CRLF line ends."""
    lines = [
        "v=0",
        f"o=- {terms.identity.session} {terms.generation + 2} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(line.mid for line in LINES)}",
        "a=msid-semantic: WMS",
        "a=ice-lite",
    ]
    for line in LINES:
        lines += _media_section(line, terms)
    return "\r\n".join(lines) + "\r\n"


def _media_section(line: Line, terms: OfferTerms) -> list[str]:
    numbers = " ".join(str(payload_number(name)) for name in line.payloads)
    section = [f"m={line.kind} 9 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 0.0.0.0"]
    if line.slot is Slot.CAMERA:
        section.append(f"b=AS:{max(terms.max_video_bps // 1000, 1)}")
    section += [
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{terms.credentials.ufrag}",
        f"a=ice-pwd:{terms.credentials.password}",
        f"a=fingerprint:sha-256 {terms.fingerprint}",
        "a=setup:actpass",
        f"a=mid:{line.mid}",
        *(f"a=extmap:{extension_number(name)} {EXTENSION_URIS[name]}" for name in _EXTENSIONS[line.kind]),
        f"a={line.direction}",
    ]
    if line.mid in terms.identity.ssrcs:
        section.append(f"a=msid:{_stream(line)} {_track(line)}")
    section += ["a=rtcp-mux", "a=rtcp-rsize"]
    for name in line.payloads:
        section += _codec_lines(name, terms)
    section += _source_lines(line, terms.identity)
    if line is LINES[0]:
        section += candidate_lines(terms.advertised, terms.generation)
    return section


def _codec_lines(name: str, terms: OfferTerms) -> list[str]:
    number = payload_number(name)
    lines = [f"a=rtpmap:{number} {CODECS[name]}"]
    lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in _FEEDBACK.get(name, ())]
    if name == "opus":
        lines.append(f"a=fmtp:{number} minptime=10;useinbandfec=1{';usedtx=1' if terms.dtx else ''}")
    elif name in _FORMATS:
        lines.append(f"a=fmtp:{number} {_FORMATS[name]}")
    return lines


def _source_lines(line: Line, identity: Identity) -> list[str]:
    """SSRCs and their groups (RFC 5576): FID ties retransmission to media, FEC-FR flexfec."""
    if line.mid not in identity.ssrcs:
        return []
    media, rtx, flexfec = identity.ssrcs[line.mid]
    groups, sources = [], [media]
    if "vp8_rtx" in line.payloads:
        groups.append(f"a=ssrc-group:FID {media} {rtx}")
        sources.append(rtx)
    if "flexfec" in line.payloads:
        groups.append(f"a=ssrc-group:FEC-FR {media} {flexfec}")
        sources.append(flexfec)
    msid = f"msid:{_stream(line)} {_track(line)}"
    return groups + [f"a=ssrc:{ssrc} {value}" for ssrc in sources for value in (f"cname:{identity.cname}", msid)]


def _stream(line: Line) -> str:
    """Audio and video of one source share a stream, so that pages play them in sync."""
    return "far" if line.slot in (Slot.AUDIO, Slot.MAIN) else "side"


def _track(line: Line) -> str:
    return f"{line.slot.value}-{line.mid}"
