"""Laws of the pacer, in virtual time."""

from media.send.pacer import HEADROOM, MAX_QUEUE_PACKETS, MIN_BURST_BYTES, Pacer, Priority, Queued
from media.wire.layout import NO_LAYOUT


class _Nobody:
    def leave(self, packet: Queued, now: float) -> None:
        raise AssertionError("the pacer itself sends nothing")


def _packet(size: int = 1000) -> Queued:
    return _queued(bytes(size))


def _queued(data: bytes) -> Queued:
    return Queued(data, NO_LAYOUT, _Nobody())


def _drain(pacer: Pacer, start: float, end: float) -> list[tuple[float, int]]:
    sent, now = [], start
    while now < end:
        while (packet := pacer.pop(now)) is not None:
            sent.append((now, len(packet.data)))
        now += 0.001
    return sent


def test_what_fits_leaves_at_once() -> None:
    pacer = Pacer(2_000_000)
    assert pacer.admit(1000, 1.0)


def test_a_burst_leaves_at_the_paced_rate() -> None:
    pacer = Pacer(1_000_000)
    for _ in range(30):
        pacer.push(Priority.VIDEO, _packet())
    sent = _drain(pacer, 1.0, 1.2)
    assert sum(size for _, size in sent) <= MIN_BURST_BYTES + 1000 + 0.2 * 1_000_000 * HEADROOM / 8


def test_nothing_overtakes_what_waits() -> None:
    pacer = Pacer(100_000)
    pacer.push(Priority.VIDEO, _packet())
    assert not pacer.admit(100, 10.0)


def test_repair_is_ahead_of_pictures_and_protection_behind() -> None:
    pacer = Pacer(1_000_000)
    pacer.push(Priority.PROTECTION, _queued(b"p" * 10))
    pacer.push(Priority.VIDEO, _queued(b"v" * 10))
    pacer.push(Priority.REPAIR, _queued(b"r" * 10))
    assert [packet.data[:1] for _ in range(3) if (packet := pacer.pop(5.0))] == [b"r", b"v", b"p"]


def test_a_long_queue_is_overloaded_and_takes_no_protection() -> None:
    pacer = Pacer(100_000)
    assert not pacer.overloaded
    for _ in range(10):
        pacer.push(Priority.VIDEO, _packet())
    assert pacer.overloaded
    before = pacer.queued_seconds
    pacer.push(Priority.PROTECTION, _packet())
    assert pacer.queued_seconds == before


def test_the_queue_is_bounded_whatever_is_pushed() -> None:
    pacer = Pacer(100_000)
    for _ in range(5_000):
        pacer.push(Priority.VIDEO, _packet(10))
    assert sum(1 for _ in iter(lambda: pacer.pop(1e9) if pacer.waiting else None, None)) <= MAX_QUEUE_PACKETS


def test_voice_is_paid_for_by_pictures() -> None:
    pacer = Pacer(100_000)
    pacer.admit(100, 1.0)
    pacer.charge(20_000)
    assert not pacer.admit(1000, 1.1)
    assert pacer.admit(1000, 3.0)


def test_the_timeout_is_when_the_next_packet_may_leave() -> None:
    pacer = Pacer(100_000)
    assert pacer.next_timeout(1.0) is None
    pacer.admit(1, 1.0)
    pacer.charge(3_000)
    pacer.push(Priority.VIDEO, _packet())
    timeout = pacer.next_timeout(1.0)
    assert timeout is not None
    assert pacer.pop(timeout - 0.01) is None
    assert pacer.pop(timeout + 0.001) is not None
