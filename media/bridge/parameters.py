"""What negotiation settled for one leg: the bridge's only knowledge of SDP. Immutable values, no behaviour."""

import msgspec

from media.api import Kind, Slot


class PayloadTypes(msgspec.Struct, frozen=True):
    """RTP payload type numbers by codec; None where the peer did not accept the codec.

    The server makes the offer, so the numbers are the same on every leg (media/io/negotiation.py); only which of
    them were accepted differs.
    """

    opus: int | None = None
    red_audio: int | None = None
    vp8: int | None = None
    vp8_rtx: int | None = None
    h264: int | None = None
    h264_rtx: int | None = None
    red_video: int | None = None
    red_video_rtx: int | None = None
    ulpfec: int | None = None
    flexfec: int | None = None


class ExtensionIds(msgspec.Struct, frozen=True):
    """One-byte header extension ids (RFC 8285) accepted by the peer; None where refused. The same on every leg."""

    mid: int | None = None
    audio_level: int | None = None
    abs_send_time: int | None = None
    transport_cc: int | None = None
    playout_delay: int | None = None


class InboundSlot(msgspec.Struct, frozen=True):
    """An m-line on which the page sends. SSRCs are those its answer announced; None: learned from the mid extension."""

    mid: str
    slot: Slot
    kind: Kind
    payload_types: PayloadTypes
    ssrc: int | None = None
    rtx_ssrc: int | None = None


class OutboundSlot(msgspec.Struct, frozen=True):
    """An m-line on which we send, with the SSRCs our offer announced."""

    mid: str
    slot: Slot
    kind: Kind
    payload_types: PayloadTypes
    ssrc: int
    rtx_ssrc: int | None = None
    flexfec_ssrc: int | None = None
    counted: bool = True
    """Its packets get transport-wide numbers: the page took the extension on this line, its feedback tells of them."""


class LegParameters(msgspec.Struct, frozen=True):
    """Everything a leg needs to receive and send. `cname` is ours (RFC 3550 §6.5.1)."""

    cname: str
    extensions: ExtensionIds
    inbound: tuple[InboundSlot, ...]
    outbound: tuple[OutboundSlot, ...]
    max_video_bps: int = 2_500_000
    nack: bool = True
    """The peer accepted generic NACK on video."""
    audio_nack: bool = True
    """The peer accepted generic NACK on voice."""
    pli: bool = True
    """The peer accepted `nack pli`; otherwise key frames are asked for by FIR (RFC 5104 §4.3.1)."""
    transport_cc: bool = True
    remb: bool = True
    reduced_size_rtcp: bool = True
