"""The codec worker's stills: the newest picture of a tapped camera, decoded while somebody clicks."""

import io
import logging
import time
from collections.abc import Callable

from PIL import Image

from media.codecs.pictures import Picture, PictureDecoder, VideoCodec
from media.errors import CodecError
from media.io import codec_words as words
from media.io.codec_room import Room
from media.receive.frame_assembler import Frame, FrameAssembler, VideoFormat
from media.wire.tapped import H264, TappedPacket

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 16 << 20
MOST_IMAGE_BYTES = 900_000
FRESH_SECONDS = 1.0
"""An older picture is not what the camera sees now."""
_QUALITIES = (92, 85, 75, 60, 40)
_BEHIND_SECONDS = 1.0
"""Decoding that is so late gives up what waits and begins anew with a key frame."""

Say = Callable[[words.FromWorker], None]
Task = TappedPacket | words.OpenTap | words.ForgetCall | words.TakeStill | words.EndStills


class Camera:
    """One tapped camera while stills are taken of it."""

    def __init__(self, source: words.OpenTap, packet: TappedPacket) -> None:
        h264 = packet.codec == H264
        self.source = source
        self.codec, self.generation = packet.codec, packet.generation
        self.assembler = FrameAssembler(VideoFormat.H264 if h264 else VideoFormat.VP8)
        self.decoder = PictureDecoder(VideoCodec.H264 if h264 else VideoCodec.VP8)
        self.picture: Picture | None = None
        self.arrival = 0.0


class Darkroom(Room[Task]):
    """All stills of this worker, on one thread."""

    def __init__(self, say: Say) -> None:
        super().__init__("stills", MOST_WAITING_BYTES)
        self.wanted: set[int] = set()
        """Taps whose packets are to be put; kept by the intake."""
        self._say = say
        self._taps: dict[int, words.OpenTap] = {}
        self._cameras: dict[int, Camera] = {}
        self._asked: dict[int, list[int]] = {}
        self._taken = self._undecodable = 0

    def enter(self) -> None:
        """Have everything loaded before somebody waits for it."""
        PictureDecoder(VideoCodec.VP8)
        Image.new("RGB", (16, 16)).save(io.BytesIO(), "JPEG")

    def counters(self) -> dict[str, int]:
        """What was done."""
        return {"codec_stills_taken": self._taken, "codec_frames_undecodable": self._undecodable}

    def work(self, work: Task) -> None:
        """Do one thing."""
        match work:
            case TappedPacket():
                self._packet(work)
            case words.OpenTap():
                self._taps[work.tap] = work
            case words.ForgetCall(call_id):
                for number in [number for number, tap in self._taps.items() if tap.call_id == call_id]:
                    del self._taps[number]
                    self._end(number)
            case words.TakeStill(still, tap):
                self._take(still, tap)
            case words.EndStills(tap):
                self._end(tap)

    def _take(self, still: int, tap: int) -> None:
        camera, source = self._cameras.get(tap), self._taps.get(tap)
        if source is None:
            return
        if camera is not None and time.monotonic() - camera.arrival <= FRESH_SECONDS and camera.picture is not None:
            self._develop(still, camera, camera.picture)
            return
        self._asked.setdefault(tap, []).append(still)
        self._say(words.KeyFrameWanted(source.call_id, source.leg_id))

    def _end(self, tap: int) -> None:
        self._cameras.pop(tap, None)
        self._asked.pop(tap, None)

    def _packet(self, packet: TappedPacket) -> None:
        source = self._taps.get(packet.tap)
        if source is None:
            return
        camera = self._cameras.get(packet.tap)
        if camera is None or (camera.codec, camera.generation) != (packet.codec, packet.generation):
            camera = self._cameras[packet.tap] = Camera(source, packet)
        now = time.monotonic()
        if now - packet.arrival > _BEHIND_SECONDS:
            camera.assembler.require_key_frame()
        camera.assembler.insert(
            packet.sequence & 0xFFFF, packet.timestamp, packet.marker, packet.payload, packet.arrival
        )
        for frame in camera.assembler.poll(now):
            self._decode(packet.tap, camera, frame)

    def _decode(self, tap: int, camera: Camera, frame: Frame) -> None:
        try:
            picture = camera.decoder.decode(frame.data)
        except CodecError as error:
            self._undecodable += 1
            camera.assembler.require_key_frame()
            logger.warning("a still cannot be decoded: %s", error, extra={"call_id": camera.source.call_id})
            return
        if picture is None:
            return
        camera.picture, camera.arrival = picture, frame.arrival
        for still in self._asked.pop(tap, ()):
            self._develop(still, camera, picture)

    def _develop(self, still: int, camera: Camera, picture: Picture) -> None:
        wall_time = time.time() - (time.monotonic() - camera.arrival)
        image = jpeg(picture)
        self._taken += 1
        self._say(words.Still(still, "image/jpeg", image, picture.width, picture.height, wall_time))

    def idle(self, now: float) -> None:
        """Ask for key frames while somebody waits."""
        for tap, waiting in self._asked.items():
            camera, source = self._cameras.get(tap), self._taps.get(tap)
            if waiting and source is not None and (camera is None or camera.assembler.wants_key_frame(now)):
                self._say(words.KeyFrameWanted(source.call_id, source.leg_id))


def jpeg(picture: Picture) -> bytes:
    """The picture as JPEG, as good as fits into MOST_IMAGE_BYTES."""
    image: Image.Image = picture.to_image()  # type: ignore[no-untyped-call]
    for quality in _QUALITIES:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, subsampling="4:2:0")
        if out.tell() <= MOST_IMAGE_BYTES:
            break
    return out.getvalue()
