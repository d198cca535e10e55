"""Audio protection: each packet carries older ones again (RFC 2198), as deep and as far back as the link needs.

With independent loss p and n copies the residual loss is p^(n+1): 2.7 % of 30 % with two. Against bursts copies
help only from beyond the burst, so the last copy goes further back than the burst is long.
"""

from collections import deque
from operator import itemgetter

from media.wire.red import build_red

MAX_DEPTH = 4
MAX_OFFSET = (1 << 14) - 1
MAX_BLOCK_BYTES = (1 << 10) - 1
HISTORY = 12
_LATE_RANGE = 1 << 31


class RedProtection:
    """Wraps Opus payloads for one leg. Keeps the last frames whatever the depth, so that depth can rise at once."""

    def __init__(self, opus_payload_type: int) -> None:
        self._payload_type = opus_payload_type
        self._history: deque[tuple[int, bytes]] = deque(maxlen=HISTORY)
        self._late: list[tuple[int, bytes, int]] = []
        """Frames that had been lost on their way to us and came late, and how many packets still carry them again."""

    def wrap(self, timestamp: int, payload: bytes, distances: tuple[int, ...]) -> bytes:
        """Return the RED payload of a frame with copies of the frames `distances` packets back (1: the last).

        Copies that RED cannot express (older than 341 ms, longer than 1,023 bytes) are left out. A pause in the
        source (DTX) makes older frames fall out by their age.
        """
        if self._is_late(timestamp):
            self._late = [*self._late[-1:], (timestamp, payload, len(distances))]
            return build_red([], self._payload_type, payload)
        copies = [self._history[-distance] for distance in distances if distance <= len(self._history)]
        if self._late:
            copies += [(before, data) for before, data, _ in self._late]
            self._late = [(before, data, times - 1) for before, data, times in self._late if times > 1]
        blocks = []
        for before, data in copies:
            offset = (timestamp - before) & 0xFFFFFFFF
            if 0 < offset <= MAX_OFFSET and len(data) <= MAX_BLOCK_BYTES:
                blocks.append((self._payload_type, offset, data))
        blocks.sort(key=itemgetter(1), reverse=True)
        self._history.append((timestamp, payload))
        return build_red(blocks, self._payload_type, payload)

    def remember(self, timestamp: int, payload: bytes) -> None:
        """Keep a frame that is sent without copies."""
        if not self._is_late(timestamp):
            self._history.append((timestamp, payload))

    def _is_late(self, timestamp: int) -> bool:
        """Whether newer frames were sent before this one (it had been lost on its way to us)."""
        return bool(self._history) and (self._history[-1][0] - timestamp) & 0xFFFFFFFF < _LATE_RANGE

    def clear(self) -> None:
        """Forget all frames: the source changed."""
        self._history.clear()
        self._late.clear()


_AMPLE_COPIES = 6.0


def choose_distances(loss: float, burst_length: float, budget_copies: float) -> tuple[int, ...]:
    """How far back the copies of a packet go, for a leg with this loss, mean burst length and budget (in copies).

    None below 1 % loss; else enough that the residual loss is under 1 % (0.05 % where there is room for six copies), at
    most MAX_DEPTH and what the budget holds.
    """
    if loss < 0.01 or budget_copies < 1.0:
        return ()
    depth, residual = 1, loss * loss
    accepted = 0.0005 if budget_copies >= _AMPLE_COPIES else 0.01
    while residual > accepted and depth < MAX_DEPTH:
        depth += 1
        residual *= loss
    depth = min(depth, int(budget_copies))
    if burst_length < 1.6:
        return tuple(range(1, depth + 1))
    reach = min(HISTORY, round(1.5 * burst_length))
    if depth == 1:
        return (max(1, reach // 2),)
    step = max(1.0, (reach - 1) / (depth - 1))
    return tuple(sorted({round(1 + i * step) for i in range(depth)}))
