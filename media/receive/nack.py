"""Which packets to ask for again (RFC 4585 §6.2.1), when, and when to give up."""

MAX_MISSING = 500
MAX_AGE = 1.0
"""What is older would come too late for a conversation."""
MAX_TRIES = 10
REORDERING_WAIT = 0.005
"""A gap younger than this may be two packets that changed places."""
_MIN_RETRY = 0.02
_RETRY_MARGIN = 0.01
COPY_INTERVAL = 0.015
"""Between copies of one request: most bursts are over, and the page answers one of them only."""
_PAUSE_A_NUMBER = 1e-4
"""A long list is walked less often (500 numbers: every 50 ms): 1/400 of a core a stream even in overload, when the
gaps of hundreds of streams would otherwise cost more than their packets."""


class _Missing:
    __slots__ = ("copies", "due", "retry_at", "since", "tries")

    def __init__(self, now: float, wait: float) -> None:
        self.since = now
        self.due = now + wait
        self.tries = 0
        self.copies = 0
        """Of the last request, still to be sent."""
        self.retry_at = 0.0

    def ask(self, now: float, retry: float, copies: int) -> None:
        """A request leaves now, a new one or a copy of the last."""
        if self.copies and now < self.retry_at:
            self.copies -= 1
        else:
            self.tries += 1
            self.copies = copies - 1
            self.retry_at = now + retry
        self.due = min(now + COPY_INTERVAL, self.retry_at) if self.copies else self.retry_at


class NackGenerator:
    """One uplink stream's gaps, by extended sequence number. Bounded in number, age and tries.

    `wait`: how long a gap may close by itself; `max_age`: when what is missing would come too late (seconds).
    """

    __slots__ = ("_max_age", "_missing", "_wait", "asked", "due", "given_up")

    def __init__(self, wait: float = REORDERING_WAIT, max_age: float = MAX_AGE) -> None:
        self._wait = wait
        self._max_age = max_age
        self._missing: dict[int, _Missing] = {}
        self.due = float("inf")
        """When `to_ask` has something to say."""
        self.given_up = -1
        """The highest number ever given up; -1 for none."""
        self.asked = 0
        """Requests made, counting repeats."""

    def __len__(self) -> int:
        return len(self._missing)

    def since(self) -> set[float]:
        """When those that are still missing were noticed."""
        return {missing.since for missing in self._missing.values()}

    def add(self, first: int, end: int, now: float) -> None:
        """`first` … `end - 1` did not come. A gap beyond all bounds is given up at once."""
        if end - first + len(self._missing) > MAX_MISSING:
            self.clear()
            self.given_up = max(self.given_up, end - 1)
            self.due = now
            return
        for number in range(first, end):
            self._missing.setdefault(number, _Missing(now, self._wait))
        self.due = min(self.due, now + self._wait)

    def recovered(self, number: int) -> bool:
        """It came after all; False if nobody waited for it."""
        return self._missing.pop(number, None) is not None

    def clear(self) -> None:
        """Nothing is missed any more (the source changed or nobody listens)."""
        self._missing.clear()
        self.due = float("inf")

    def to_ask(self, now: float, round_trip: float, copies: int = 1) -> list[int]:
        """The numbers to ask for now, ascending; what is too old or was asked too often moves to `given_up`.

        `copies`: how often each request leaves, where requests get lost as well.
        """
        retry = max(_MIN_RETRY, round_trip + _RETRY_MARGIN)
        asked: list[int] = []
        over: list[int] = []
        due = float("inf")
        for number, missing in self._missing.items():
            if now - missing.since > self._max_age or missing.tries >= MAX_TRIES:
                over.append(number)
                continue
            if missing.due <= now:
                missing.ask(now, retry, copies)
                asked.append(number)
            due = min(due, missing.due)
        for number in over:
            del self._missing[number]
        if over:
            self.given_up = max(self.given_up, *over)
        self.due = max(due, now + _PAUSE_A_NUMBER * len(self._missing))
        self.asked += len(asked)
        return sorted(asked)
