"""What a synthetic page sends: microphone and camera with the numbering, extensions and reports of a browser."""

from collections.abc import Callable
from dataclasses import dataclass, field

from media.api import Kind
from media.wire.ntp import ntp_shifted
from media.wire.rtcp import SenderReport, build_sender_report
from media.wire.rtp import RtpPacket, build_packet
from media.wire.rtx import make_rtx
from media.wire.vp8 import Vp8Descriptor, build_descriptor
from tests.sim.clock import Clock

OPUS, RED_AUDIO, VP8, VP8_RTX, H264 = 111, 63, 96, 97, 102
AUDIO_LEVEL, ABS_SEND_TIME, TRANSPORT_CC, MID = 1, 2, 3, 4


@dataclass
class Transport:
    """A page's uplink: one transport-wide counter for all its streams."""

    clock: Clock
    send_rtp: Callable[[bytes], None]
    send_rtcp: Callable[[bytes], None]
    ntp_at_zero: int = 0xE000_0000 << 32
    """The page's own wall clock when the simulation's clock shows 0."""
    sequence: int = 0

    def ntp_time(self) -> int:
        return ntp_shifted(self.ntp_at_zero, self.clock.now)

    def extensions(self) -> tuple[tuple[int, bytes], ...]:
        self.sequence = (self.sequence + 1) & 0xFFFF
        moment = int(self.clock.now * (1 << 18)) & 0xFFFFFF
        return ((ABS_SEND_TIME, moment.to_bytes(3)), (TRANSPORT_CC, self.sequence.to_bytes(2)))


@dataclass
class Stream:
    """One SSRC. `numbers` remembers what left, for retransmission."""

    transport: Transport
    kind: Kind
    mid: str
    ssrc: int
    clock_hz: int
    payload_type: int
    sequence: int = 65500
    timestamp_at_zero: int = 0xFFFF_0000
    packets: int = 0
    octets: int = 0
    numbers: dict[int, bytes] = field(default_factory=dict)
    sends_mid: bool = True

    def timestamp(self) -> int:
        return (self.timestamp_at_zero + round(self.transport.clock.now * self.clock_hz)) & 0xFFFFFFFF

    def send(
        self,
        payload: bytes,
        *,
        marker: bool = False,
        level: int | None = None,
        padding: int = 0,
        timestamp: int | None = None,
    ) -> None:
        extensions = self.transport.extensions()
        if level is not None:
            extensions += ((AUDIO_LEVEL, bytes((level,))),)
        if self.sends_mid:
            extensions += ((MID, self.mid.encode()),)
        self.sequence = (self.sequence + 1) & 0xFFFF
        packet = RtpPacket(
            self.payload_type,
            self.sequence,
            self.timestamp() if timestamp is None else timestamp,
            self.ssrc,
            marker,
            payload,
            extensions,
            padding=padding,
        )
        data = build_packet(packet)
        self.packets += 1
        self.octets += len(payload)
        self.numbers[self.sequence] = data
        self.numbers.pop((self.sequence - 2000) & 0xFFFF, None)
        self.transport.send_rtp(data)

    def report(self) -> None:
        """A sender report, as browsers send them about once a second."""
        value = SenderReport(
            self.ssrc, self.transport.ntp_time(), self.timestamp(), self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF
        )
        self.transport.send_rtcp(build_sender_report(value))


class Microphone:
    """A packet each 20 ms whose payload is its number."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.number = 0
        self.on = True

    def tick(self) -> None:
        if self.on:
            self.number += 1
            self.stream.send(b"talk" + self.number.to_bytes(4) + bytes(60), level=0x80 | 20)


class Camera:
    """30 frames a second of some packets each; a key frame first and whenever asked."""

    def __init__(self, stream: Stream, rtx_ssrc: int, packets_per_frame: int = 4) -> None:
        self.stream = stream
        self.rtx_ssrc = rtx_ssrc
        self.packets_per_frame = packets_per_frame
        self.frame = 0
        self.on = True
        self.key_wanted = True
        self.key_frames: list[float] = []
        self.requests: list[float] = []
        self.resent = 0
        self._rtx_sequence = 100

    def tick(self) -> None:
        if not self.on:
            return
        key, self.key_wanted = self.key_wanted, False
        if key:
            self.key_frames.append(self.stream.transport.clock.now)
        self.frame += 1
        for index in range(self.packets_per_frame):
            descriptor = build_descriptor(
                Vp8Descriptor(0, index == 0, 0, picture_id=self.frame & 0x7FFF, picture_id_bits=15)
            )
            head = bytes((0 if key else 1, index, self.packets_per_frame)) + self.frame.to_bytes(4)
            last = index == self.packets_per_frame - 1
            self.stream.send(descriptor + head + bytes(900), marker=last)

    def wish(self) -> None:
        """PLI or FIR came."""
        self.requests.append(self.stream.transport.clock.now)
        self.key_wanted = True

    def resend(self, sequence_number: int) -> None:
        """A NACK came: send it again as RTX."""
        data = self.stream.numbers.get(sequence_number)
        if data is None:
            return
        self.resent += 1
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        header = 12 + 4 + 4 * int.from_bytes(data[14:16])
        out = make_rtx(data, header, VP8_RTX, self._rtx_sequence, self.rtx_ssrc)
        sequence = self.stream.transport.extensions()[1][1]
        out[21:23] = sequence  # behind abs-send-time's four bytes and its own id
        self.stream.transport.send_rtp(bytes(out))
