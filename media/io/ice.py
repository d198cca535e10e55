"""ICE-lite (RFC 8445 §2.5): we never gather nor check, we answer authenticated checks and follow the nomination.

An address may carry DTLS and SRTP only after a check with the leg's password came from it. The page chooses: a check
with USE-CANDIDATE moves the leg at once, which makes roaming work without signaling. Where the page has fallen silent
the first check on a new path moves it: browsers need seconds to give up a path that died.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple

from media.errors import WireError
from media.io.counters import Counters
from media.io.limits import FailureBuckets
from media.io.paths import PacketSink, Path
from media.io.stun import BindingRequest, is_authentic, parse_binding_request

MAX_PATHS = 16
"""Verified addresses a leg may have at a time."""
PATH_LIFETIME = 30.0
"""A path without a check for this long is gone (consent, RFC 7675 §5.1)."""
ADDRESS_KEPT = 10.0
"""An address belongs to its leg this long after the last check, so that no other leg can take it away."""

_ICE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Credentials(NamedTuple):
    """Short-term credentials of one side for one ICE generation (RFC 8445 §5.3)."""

    ufrag: str
    password: str


def new_credentials() -> Credentials:
    """Random credentials: 47 bits tell a leg from others, 142 bits keep it secret."""
    pick = secrets.choice
    return Credentials(
        "".join(pick(_ICE_CHARACTERS) for _ in range(8)), "".join(pick(_ICE_CHARACTERS) for _ in range(24))
    )


class IceAgent:
    """One leg's credentials and verified paths."""

    def __init__(
        self,
        owner: PacketSink,
        table: "AgentTable",
        selected: Callable[[Path], None],
        silent: Callable[[float], bool] = lambda now: False,
    ) -> None:
        """`selected` is called whenever another path is to be sent to; `silent`: whether the page should have been
        heard by the time given."""
        self.owner: PacketSink | None = owner
        self._silent = silent
        self.paths: list[Path] = []
        self.selected: Path | None = None
        self._table = table
        self._on_selected = selected
        self._credentials: list[Credentials] = []
        self.renew()

    @property
    def credentials(self) -> Credentials:
        """The newest, for offers."""
        return self._credentials[-1]

    def renew(self) -> Credentials:
        """New credentials beside those in use, which go when the new are used first (RFC 8445 §9)."""
        for unused in self._credentials[1:]:
            self._table.remove(unused)
        fresh = new_credentials()
        self._credentials = [*self._credentials[:1], fresh]
        self._table.add(fresh, self)
        return fresh

    def checked(self, path: Path, request: BindingRequest, now: float) -> None:
        """A check with our password came over `path`."""
        if request.ufrag == self.credentials.ufrag and len(self._credentials) > 1:
            self._table.remove(self._credentials.pop(0))
        moves = request.use_candidate or (path.owner is not self.owner and self._silent(now))
        path.checked_at = now
        if path.owner is not self.owner:
            if path.owner is not None:
                path.owner.lost(path)
            path.owner = self.owner
            self._add(path)
        if self.selected is None or (moves and path is not self.selected):
            self._table.counters.paths_selected += 1
            self.selected = path
            self._on_selected(path)

    def lost(self, path: Path) -> None:
        """The path does not exist any more (its connection closed)."""
        if path in self.paths:
            self.paths.remove(path)
            if path is self.selected:
                self.selected = None

    def expire(self, now: float) -> None:
        """Drop paths without consent. The selected one stays until another takes its place."""
        for path in [
            path for path in self.paths if now - path.checked_at > PATH_LIFETIME and path is not self.selected
        ]:
            self._drop(path)

    def close(self) -> None:
        """Forget credentials and paths."""
        for credentials in self._credentials:
            self._table.remove(credentials)
        for path in self.paths:
            path.forget()
        self.paths.clear()
        self.owner = self.selected = None
        self._on_selected, self._silent = _to_nobody, _never

    def _add(self, path: Path) -> None:
        self.paths.append(path)
        if len(self.paths) > MAX_PATHS:
            self._drop(min((p for p in self.paths if p is not self.selected), key=lambda p: p.checked_at))

    def _drop(self, path: Path) -> None:
        self._table.counters.paths_dropped += 1
        self.paths.remove(path)
        path.forget()


def _to_nobody(path: Path) -> None:
    """The leg has ended: it and its agent do not keep each other."""


def _never(now: float) -> bool:
    return False


class Check(NamedTuple):
    """An authenticated binding request."""

    agent: IceAgent
    request: BindingRequest
    password: bytes


class AgentTable:
    """Finds the agent a check is meant for and verifies it. Failures cost their source tokens."""

    def __init__(self, counters: Counters, failures: FailureBuckets | None = None) -> None:
        self.counters = counters
        self._failures = FailureBuckets(per_second=100, burst=200) if failures is None else failures
        self._agents: dict[str, tuple[IceAgent, bytes]] = {}

    def __len__(self) -> int:
        return len(self._agents)

    def add(self, credentials: Credentials, agent: IceAgent) -> None:
        self._agents[credentials.ufrag] = (agent, credentials.password.encode())

    def remove(self, credentials: Credentials) -> None:
        self._agents.pop(credentials.ufrag, None)

    def verify(self, data: bytes, source: bytes, now: float, *, known: bool) -> Check | None:
        """Return the check, or None for what is silently dropped. `known`: on a verified path, which is not limited."""
        counters = self.counters
        if not known and self._failures.exhausted(source, now):
            counters.stun_limited += 1
            return None
        try:
            request = parse_binding_request(data)
        except WireError:
            counters.stun_malformed += 1
            self._failures.failed(source, now)
            return None
        agent, password = self._agents.get(request.ufrag, (None, b""))
        if agent is None:
            # Costs no token: after a worker's death a whole office behind one address checks legs that are gone.
            counters.stun_unknown_ufrag += 1
            return None
        if is_authentic(request, password):
            return Check(agent, request, password)
        counters.stun_bad_integrity += 1
        self._failures.failed(source, now)
        return None

    def may_use(self, check: Check, path: Path, now: float) -> bool:
        """Whether the path is free, or is the leg's own; another leg's is taken only when that has left it."""
        owner = path.owner
        if owner is None or owner is check.agent.owner or now - path.checked_at > ADDRESS_KEPT:
            return True
        self.counters.stun_address_taken += 1
        return False
