"""One client's session: numbering, replay after a new connection, rates. It knows nothing of calls' rules."""

import hashlib
from collections import deque
from typing import Any

import msgspec

from signaling.protocol import CallStart, ServerMessage, encode
from signaling.records import CallState, SessionState

REPLAY_MESSAGES = 256
REPLAY_BYTES = 256 * 1024
MESSAGE_RATE, MESSAGE_BURST = 20.0, 60.0
CHAT_RATE, CHAT_BURST = 5.0, 10.0
RESUME_RATE, RESUME_BURST = 1.0, 10.0
MAX_REFUSED_IN_A_ROW = 200
"""A client that goes on this long after it was told to slow down is closed."""


def token_hash(token: str) -> str:
    """What is kept of a resume token; the token itself is only with the client."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenBucket:
    """`rate` a second, at most `burst` at once."""

    __slots__ = ("_burst", "_level", "_rate", "_seen")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._level, self._seen = burst, now

    def take(self, now: float) -> bool:
        """Use one token; False if there is none."""
        self._level = min(self._burst, self._level + max(0.0, now - self._seen) * self._rate)
        self._seen = max(self._seen, now)
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


class ReplayBuffer:
    """The newest numbered frames, bounded by count and bytes."""

    def __init__(self, last_seq: int = 0) -> None:
        self._frames: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self.last_seq = last_seq
        self._forgotten = last_seq
        """Frames up to this number are no longer here."""

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def add(self, frame: bytes, seq: int) -> None:
        """Keep the frame with the next number."""
        assert seq == self.last_seq + 1
        self.last_seq = seq
        self._frames.append((seq, frame))
        self._bytes += len(frame)
        while len(self._frames) > REPLAY_MESSAGES or self._bytes > REPLAY_BYTES:
            self._drop()

    def forget(self, ack: int) -> None:
        """The client has everything up to `ack`."""
        while self._frames and self._frames[0][0] <= ack:
            self._drop()

    def after(self, seq: int) -> list[bytes] | None:
        """Every frame after `seq`, or None if some are no longer here or `seq` was never sent."""
        if seq < self._forgotten or seq > self.last_seq:
            return None
        return [frame for number, frame in self._frames if number > seq]

    def skip_to(self, seq: int) -> None:
        """Number on from `seq` after a restart that lost what the client has already seen."""
        if seq > self.last_seq:
            self._frames.clear()
            self._bytes = 0
            self.last_seq = self._forgotten = seq

    def _drop(self) -> None:
        seq, frame = self._frames.popleft()
        self._bytes -= len(frame)
        self._forgotten = seq


class Session:
    """A client over all its connections."""

    def __init__(self, state: SessionState, connection: int | None, now: float) -> None:
        self.state = state
        self.connection = connection
        """The live connection's number; None while detached."""
        self.detached_at = now
        self.replay = ReplayBuffer(state.last_seq)
        self.restored = False
        """Came from the store; its client may be numbered further than we know."""
        self.started: CallStart | None = None
        """How the current call was begun, to know a repeat after a reconnect."""
        self.leg_ids: deque[str] = deque(maxlen=32)
        """Legs this page was offered, newest last: an answer may cross the leg's end."""
        self.call_id = ""
        """The call this session takes part in."""
        self.ended: CallState | None = None
        """The last call, kept a while for the end screen and the rating."""
        self.said: Any = None
        """The last agent.state sent, to say changes only."""
        self.hint: Any = None
        self._messages = TokenBucket(MESSAGE_RATE, MESSAGE_BURST, now)
        self._chat = TokenBucket(CHAT_RATE, CHAT_BURST, now)
        self._resumes = TokenBucket(RESUME_RATE, RESUME_BURST, now)
        self._refused = 0

    @property
    def session_id(self) -> str:
        return self.state.session_id

    @property
    def attached(self) -> bool:
        return self.connection is not None

    def number(self, message: ServerMessage) -> bytes:
        """Give the message the next number and keep it for replay; return its frame."""
        seq = self.replay.last_seq + 1
        frame = encode(msgspec.structs.replace(message, seq=seq))
        self.replay.add(frame, seq)
        return frame

    def attach(self, connection: int) -> int | None:
        """A connection takes over; return the one it replaces."""
        replaced, self.connection = self.connection, connection
        return replaced

    def detach(self, now: float) -> None:
        self.connection = None
        self.detached_at = now

    def missed(self, last_seq: int) -> list[bytes] | None:
        """What to replay after `last_seq`; None: the snapshot must do."""
        if self.restored:
            self.restored = False
            self.replay.skip_to(last_seq)
            return None
        return self.replay.after(last_seq)

    def may_resume(self, now: float) -> bool:
        return self._resumes.take(now)

    def may_chat(self, now: float) -> bool:
        return self._chat.take(now)

    def may_send(self, now: float) -> bool:
        """Whether a message from the client is within its rate."""
        if self._messages.take(now):
            self._refused = 0
            return True
        self._refused += 1
        return False

    @property
    def tell_rate(self) -> bool:
        """Say `rate_limited` for the first of a row only: an answer to each would be a flood of our own."""
        return self._refused == 1

    @property
    def flooding(self) -> bool:
        return self._refused > MAX_REFUSED_IN_A_ROW
