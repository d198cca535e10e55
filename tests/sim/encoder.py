"""A browser's sending side, roughly: a camera with a bit rate, and the estimate that sets it."""

import random
from collections.abc import Iterable

from media.bwe.estimator import Estimator
from media.wire.rtp import RtpPacket, build_packet
from media.wire.vp8 import Vp8Descriptor, build_descriptor
from tests.sim.source import VP8_RTX, Camera, Stream

FRAMES_PER_SECOND = 30.0
KEY_FRAME_SIZE = 4.0
PACING = 2.5
"""libwebrtc paces a frame at this multiple of the target."""
MAX_PAYLOAD = 1100
_STEPS = (1.0, 1.15, 0.9, 1.05, 0.8, 1.1)
"""Frames are not of one size."""
_LAYERS = ((0, False, 1.6), (2, True, 0.8), (1, True, 0.8), (2, False, 0.8))
"""Layer, whether it needs only the base, and size: 40, 20 and 40 % of the rate."""


class RatedCamera(Camera):
    """30 frames a second whose size follows `target_bps`."""

    def __init__(self, stream: Stream, rtx_ssrc: int, max_bps: float) -> None:
        super().__init__(stream, rtx_ssrc)
        self.max_bps = max_bps
        self.target_bps = 300_000.0
        self.layered = False
        """Three temporal layers, as `scalabilityMode: "L1T3"` makes them."""
        self._base_index = 0
        self._noise = random.Random(rtx_ssrc).randbytes(MAX_PAYLOAD + 200)

    def tick(self) -> None:
        if not self.on:
            return
        clock = self.stream.transport.clock
        key, self.key_wanted = self.key_wanted, False
        if key:
            self.key_frames.append(clock.now)
        self.frame += 1
        bps = min(self.target_bps, self.max_bps)
        size = bps / 8 / FRAMES_PER_SECOND * (KEY_FRAME_SIZE if key else _STEPS[self.frame % len(_STEPS)])
        layer, sync, share = _LAYERS[self.frame % 4]
        if self.layered:
            if key:
                self.frame += -self.frame % 4  # picture ids may jump at a key frame
                layer, sync, share = 0, False, 1.0
            self._base_index += not layer
            size *= share
        count = max(1, round(size / MAX_PAYLOAD + 0.5))
        body = self._noise[: max(40, round(size / count) - 12 - self.frame % 3)]
        timestamp = self.stream.timestamp()
        for index in range(count):
            pause = index * len(body) * 8 / (PACING * bps)
            payload = (
                (self._layer_descriptor(index, layer, sync) if self.layered else _descriptor(self.frame, index))
                + bytes((not key, index, count))
                + self.frame.to_bytes(4)
                + body[index % 7 :]
            )
            last = index == count - 1
            if pause:
                clock.after(pause, lambda p=payload, m=last: self.stream.send(p, marker=m, timestamp=timestamp))
            else:
                self.stream.send(payload, marker=last, timestamp=timestamp)

    def _layer_descriptor(self, index: int, layer: int, sync: bool) -> bytes:
        picture_id, base = self.frame & 0x7FFF, self._base_index & 0xFF
        return build_descriptor(Vp8Descriptor(0, index == 0, 0, layer == 2, picture_id, 15, base, layer, sync))

    def pad(self, size: int) -> None:
        """Padding in the retransmission stream, for probes."""
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        transport = self.stream.transport
        packet = RtpPacket(
            VP8_RTX,
            self._rtx_sequence,
            self.stream.timestamp(),
            self.rtx_ssrc,
            extensions=transport.extensions(),
            padding=min(size, 255),
        )
        transport.send_rtp(build_packet(packet))


def _descriptor(frame: int, index: int) -> bytes:
    return build_descriptor(Vp8Descriptor(0, index == 0, 0, picture_id=frame & 0x7FFF, picture_id_bits=15))


class BrowserEstimate:
    """What a browser sends at: delay based (the estimator under test serves), the older loss rule, REMB as a cap.

    The loss rule is draft-ietf-rmcat-gcc-02 §6: above 10 % reported loss the rate falls by half the loss, below 2 %
    it rises by 8 %, once a second.
    """

    def __init__(self, max_bps: float, start_bps: float = 300_000.0) -> None:
        self.estimator = Estimator(start_bps, max_bps)
        self.remb_bps = float("inf")
        self.max_bps = max_bps
        self._loss_bps = max_bps
        self._counted = self._lost = 0
        self._judged: float | None = None

    @property
    def target_bps(self) -> float:
        return max(min(self.estimator.target_bps, self._loss_bps, self.remb_bps), 30_000.0)

    def feedback(self, reports: Iterable[tuple[int, float | None]], now: float) -> None:
        reports = list(reports)
        self.estimator.feedback(reports, now)
        self.estimator.loss.limit_bps = None  # that is ours; a browser has the rule below
        self.estimator.loss.random_loss = 0.0
        self._counted += len(reports)
        self._lost += sum(arrived is None for _, arrived in reports)
        if self._judged is None:
            self._judged = now
        if now - self._judged >= 1.0 and self._counted >= 20:
            loss = self._lost / self._counted
            if loss > 0.1:
                self._loss_bps = min(self._loss_bps, self.estimator.target_bps) * (1.0 - 0.5 * loss)
            elif loss < 0.02:
                self._loss_bps = min(1.08 * self._loss_bps + 1000, self.max_bps)
            self._counted = self._lost = 0
            self._judged = now
