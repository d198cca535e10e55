"""Agents' passwords: argon2id, off the event loop, with growing pauses for whoever guesses."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from signaling.http.throttle import Backoff

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 200
MAX_PENDING = 16
"""Checks that may wait: each takes about 50 ms and 64 MB, so they are done one at a time."""


class TooManyAttemptsError(Exception):
    """Come back in `pause` seconds."""

    def __init__(self, pause: float) -> None:
        super().__init__(f"too many attempts; try again in {pause:.0f} s")
        self.pause = pause


class Passwords:
    """Hashes and checks passwords. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float], hasher: PasswordHasher | None = None) -> None:
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._executor = ThreadPoolExecutor(1, "password")
        self._pending = 0
        # Checked when the login is unknown, so that the answer takes as long.
        self._decoy = self._hasher.hash(secrets.token_hex(16))
        # An agent is slowed down by strangers for a minute at most; an address for up to an hour.
        self._by_login = Backoff(free=5, longest=60.0)
        self._by_address = Backoff(free=10, longest=3600.0)

    def hash(self, password: str) -> str:
        """argon2id with a random salt. Blocks about 50 ms."""
        return self._hasher.hash(password)

    async def check(self, login: str, address: str, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one behind the hash (None: no such login). Raise TooManyAttemptsError."""
        now = self._clock()
        pause = max(self._by_login.pause(login, now), self._by_address.pause(address, now))
        if pause > 0:
            raise TooManyAttemptsError(pause)
        if self._pending >= MAX_PENDING:
            raise TooManyAttemptsError(2.0)
        # Counted before it is checked: otherwise a hundred at once would be one attempt.
        self._by_login.failed(login, now)
        self._by_address.failed(address, now)
        self._pending += 1
        try:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._executor, self._verify, password_hash or self._decoy, password)
        finally:
            self._pending -= 1
        right = right and password_hash is not None
        if right:
            self._by_login.succeeded(login)
            self._by_address.succeeded(address)
        return right

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
