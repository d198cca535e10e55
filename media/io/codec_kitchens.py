"""Which source of the codec worker is made anew in which room: pictures transcoded, voices cleaned."""

from collections.abc import Callable

from media.io import codec_words as words
from media.io.codec_cleaning import CleaningRoom
from media.io.codec_transcoding import TranscodeRoom
from media.wire.tapped import TappedPacket

Say = Callable[[words.FromWorker], None]
Send = Callable[[bytes], None]


class Kitchens:
    """All sources that are made anew, pictures and voices; called by the intake only."""

    def __init__(self, say: Say, send: Send) -> None:
        self._say = say
        self._send = send
        self._taps: dict[int, words.OpenTap] = {}
        self._rooms: dict[int, TranscodeRoom | CleaningRoom] = {}
        self._numbers: dict[int, int] = {}
        self.dropped = 0

    def packet(self, packet: TappedPacket, size_bytes: int) -> None:
        """To the source's room, if there is one."""
        room = self._rooms.get(packet.tap)
        if room is not None:
            room.put(packet, size_bytes)

    def hear(self, message: words.FromEngine) -> None:
        """What concerns making anew."""
        match message:
            case words.OpenTap(tap):
                self._taps[tap] = message
            case words.ForgetCall(call_id):
                for tap in [tap for tap, source in self._taps.items() if source.call_id == call_id]:
                    del self._taps[tap]
                    self._close(tap)
            case words.StartTranscode(number, tap):
                self._start(number, tap, TranscodeRoom, message)
            case words.StartCleaning(number, tap):
                self._start(number, tap, CleaningRoom, message)
            case words.ChangeRate(number) | words.MakeKeyFrame(number):
                self._pass_on(number, message)
            case words.StopTranscode(number):
                self._pass_on(number, message)
                stopped = self._numbers.pop(number, None)
                if stopped is not None and stopped not in self._numbers.values():
                    self._close(stopped)

    def _start(
        self, number: int, tap: int, sort: type[TranscodeRoom] | type[CleaningRoom], message: words.Making
    ) -> None:
        source = self._taps.get(tap)
        if source is None:
            self._say(words.TranscodeEnded(number, "its source is gone"))
            return
        if tap not in self._rooms:
            self._rooms[tap] = sort(source, self._say, self._send)
            self._rooms[tap].start()
        self._numbers[number] = tap
        self._rooms[tap].put(message)

    def _pass_on(self, number: int, message: words.Making) -> None:
        room = self._rooms.get(self._numbers.get(number, -1))
        if room is not None:
            room.put(message)

    def _close(self, tap: int) -> None:
        room = self._rooms.pop(tap, None)
        self._numbers = {number: its for number, its in self._numbers.items() if its != tap}
        if room is not None:
            self.dropped += room.dropped
            room.end(0.0)

    def counters(self) -> dict[str, int]:
        """For the beat."""
        dropped = self.dropped + sum(room.dropped for room in self._rooms.values())
        return {"transcodes_running": len(self._numbers), "codec_packets_dropped_transcoding": dropped}

    def close(self) -> None:
        """End every thread."""
        for tap in list(self._rooms):
            self._close(tap)
