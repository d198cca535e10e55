"""Where alerts go: a bounded queue and a patient sender each; a target that is gone neither blocks nor grows."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from callserver.ops.alerts import Alert, Notice
from callserver.ops.webhook import DeliveryError

logger = logging.getLogger(__name__)

QUEUE = 100
"""Messages that wait; the oldest gives way: an old alert is news no more."""
PAUSES = (5.0, 30.0, 120.0, 600.0, 1800.0)
"""Seconds before the second, third … attempt (Standard Webhooks advises growing pauses); then it is given up."""


class Message(NamedTuple):
    """One notice as it is sent. `message_id` stays the same over all attempts."""

    message_id: str
    event: str
    alert: Alert
    at: float


Send = Callable[[Message], Awaitable[None]]


class Outlet:
    """Sends messages one after another; `sleep` waits in seconds."""

    def __init__(self, name: str, send: Send, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.name = name
        self.sent = self.failed = self.dropped = 0
        self.problem = ""
        """Why the last attempt failed; empty: it did not."""
        self._send = send
        self._sleep = sleep
        self._waiting: deque[Message] = deque()
        self._trying = False
        self._wake = asyncio.Event()

    def put(self, message: Message) -> None:
        """Never waits."""
        if len(self._waiting) >= QUEUE:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """With the one that is tried again and again."""
        return len(self._waiting) + self._trying

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            while self._waiting:
                self._trying = True
                await self._deliver(self._waiting.popleft())
                self._trying = False
            self._wake.clear()
            await self._wake.wait()

    async def _deliver(self, message: Message) -> None:
        for pause in (*PAUSES, None):
            try:
                await self._send(message)
            except DeliveryError as error:
                if not self.problem:
                    logger.warning("an alert cannot be delivered", extra={"outlet": self.name, "why": str(error)})
                self.problem = str(error)
                if error.permanent or pause is None:
                    break
                await self._sleep(pause)
            except Exception as error:
                logger.exception("an alert outlet failed")
                self.problem = type(error).__name__
                break
            else:
                self.sent += 1
                self.problem = ""
                return
        self.failed += 1


class _Payload(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: Alert


def webhook_body(message: Message, timestamp: str) -> bytes:
    """The JSON of Standard Webhooks: `type` alert.fired, alert.repeated or alert.resolved; `timestamp` is ISO 8601."""
    return msgspec.json.encode(_Payload(f"alert.{message.event}", timestamp, message.alert))


def subject(notice: Notice | Message) -> str:
    """One line for people."""
    alert = notice.alert
    word = {"fired": alert.severity.upper(), "repeated": f"STILL {alert.severity.upper()}", "resolved": "OK"}
    return f"[callserver] {word[notice.event]}: {alert.rule.replace('_', ' ')}" + (
        f" ({alert.subject})" if alert.subject else ""
    )


def text(message: Message, when: str, link: str = "") -> str:
    """The body of an e-mail."""
    alert = message.alert
    lines = [
        alert.text,
        "",
        f"rule       {alert.rule}",
        *([f"about      {alert.subject}"] if alert.subject else []),
        f"value      {alert.value:g} (threshold {alert.threshold:g})",
        f"measured   {alert.metric}",
        f"time       {when}",
    ]
    return "\n".join([*lines, *([f"dashboard  {link}"] if link else []), ""])
