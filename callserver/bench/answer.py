"""A small page's answer to the server's offer: Opus, VP8 with retransmission, nothing else."""

import re
from typing import NamedTuple

from callserver.bench import BenchError


class Section(NamedTuple):
    """One m-line of the offer."""

    kind: str
    mid: str
    sending: bool
    """The server sends on it."""
    receiving: bool
    codecs: dict[str, int]
    """Payload type by encoding name in lower case; of several the first (rtx: the one of VP8)."""
    extensions: dict[str, int]
    """Extension id by the last part of its URI."""
    lines: tuple[str, ...]


class OfferFacts(NamedTuple):
    ufrag: str
    password: str
    address: tuple[str, int]
    """The first UDP candidate that a loopback client can use."""
    sections: tuple[Section, ...]


class Sources(NamedTuple):
    """The SSRCs of the page."""

    audio: int
    video: int
    rtx: int


def read_offer(sdp: str) -> OfferFacts:
    """Read what the generator needs; raise BenchError when it is not our server's offer."""
    parts = re.split(r"\r\n(?=m=)", sdp)
    addresses = re.findall(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", sdp, re.IGNORECASE)
    ufrag = re.search(r"a=ice-ufrag:(\S+)", sdp)
    password = re.search(r"a=ice-pwd:(\S+)", sdp)
    if ufrag is None or password is None or not addresses:
        raise BenchError("the worker's offer has no credentials or no IPv4 candidate")
    sections = tuple(_read_section(part) for part in parts[1:])
    return OfferFacts(ufrag[1], password[1], (addresses[0][0], int(addresses[0][1])), sections)


def _read_section(text: str) -> Section:
    lines = tuple(text.split("\r\n"))
    mid = re.search(r"a=mid:(\S+)", text)
    codecs: dict[str, int] = {}
    for number, name in re.findall(r"a=rtpmap:(\d+) ([^/]+)/", text):
        codecs.setdefault(name.lower(), int(number))
    apt = re.search(rf"a=fmtp:(\d+) apt={codecs.get('vp8', -1)}\b", text)
    if apt:
        codecs["rtx"] = int(apt[1])
    extensions = {
        uri.rsplit("/", 1)[-1].rsplit(":", 1)[-1]: int(n) for n, uri in re.findall(r"a=extmap:(\d+) (\S+)", text)
    }
    return Section(
        kind=lines[0][2:].split(" ")[0],
        mid=mid[1] if mid else "",
        sending="a=sendrecv" in lines or "a=sendonly" in lines,
        receiving="a=sendrecv" in lines or "a=recvonly" in lines,
        codecs=codecs,
        extensions=extensions,
        lines=lines,
    )


def build_answer(
    offer: OfferFacts, ufrag: str, password: str, fingerprint: str, sources: Sources, protection: bool = False
) -> str:
    """The session description a page would answer with; `fingerprint` is SHA-256 with colons. `protection`: the page
    takes RED for voice and FlexFEC for pictures."""
    lines = [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(section.mid for section in offer.sections)}",
        "a=msid-semantic: WMS",
    ]
    for section in offer.sections:
        lines += _answer_section(section, ufrag, password, fingerprint, sources, protection)
    return "\r\n".join(lines) + "\r\n"


def _answer_section(
    section: Section, ufrag: str, password: str, fingerprint: str, sources: Sources, protection: bool
) -> list[str]:
    names: tuple[str, ...] = ("opus",) if section.kind == "audio" else ("vp8", "rtx")
    if protection:
        names += ("red",) if section.kind == "audio" else ("flexfec-03",)
    numbers = [section.codecs[name] for name in names if name in section.codecs]
    directions = {(True, True): "sendrecv", (True, False): "recvonly", (False, True): "sendonly"}
    lines = [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=setup:active",
        f"a=mid:{section.mid}",
        *(line for line in section.lines if line.startswith("a=extmap:")),
        f"a={directions.get((section.sending, section.receiving), 'inactive')}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    about = tuple(f"a={kind}:{number} " for kind in ("rtpmap", "rtcp-fb", "fmtp") for number in numbers)
    lines += [line for line in section.lines if line.startswith(about)]
    if section.receiving:
        lines += _source_lines(section.kind, sources)
    return lines


def _source_lines(kind: str, sources: Sources) -> list[str]:
    if kind == "audio":
        return [f"a=ssrc:{sources.audio} cname:bench"]
    return [
        f"a=ssrc-group:FID {sources.video} {sources.rtx}",
        f"a=ssrc:{sources.video} cname:bench",
        f"a=ssrc:{sources.rtx} cname:bench",
    ]
