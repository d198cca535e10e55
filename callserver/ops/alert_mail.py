"""Alerts by e-mail, over the operator's own SMTP server, in a thread: the standard library's client blocks."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import msgspec

from callserver.ops.webhook import DeliveryError

TIMEOUT = 15.0
"""Seconds for each step with the SMTP server."""


class MailSettings(msgspec.Struct, frozen=True):
    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    security: str = "starttls"
    """starttls, tls or none."""
    user: str = ""
    password: str = ""


def compose(settings: MailSettings, subject: str, text: str, message_id: str) -> EmailMessage:
    """The message. Line breaks in a subject would begin a header of somebody else's."""
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.recipients)
    message["Subject"] = " ".join(subject.split())[:200]
    domain = settings.sender.rpartition("@")[2].strip("> ") or "localhost"
    message["Message-ID"] = f"<{message_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers
    message.set_content(text)
    return message


class Mail:
    """Sends one message at a time."""

    def __init__(self, settings: MailSettings, connect: Callable[[MailSettings], smtplib.SMTP] | None = None) -> None:
        self._settings = settings
        self._connect = connect or connect_smtp
        self._executor = ThreadPoolExecutor(1, "mail")

    async def send(self, subject: str, text: str, message_id: str) -> None:
        """Deliver to the SMTP server, or raise DeliveryError."""
        message = compose(self._settings, subject, text, message_id)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._deliver, message)

    async def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, message: EmailMessage) -> None:
        try:
            with self._connect(self._settings) as server:
                if self._settings.user:
                    server.login(self._settings.user, self._settings.password)
                server.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(f"the SMTP server refuses the login: {error.smtp_code}", permanent=True) from error
        except smtplib.SMTPResponseException as error:
            permanent = 500 <= error.smtp_code < 600
            raise DeliveryError(f"the SMTP server answers {error.smtp_code}", permanent=permanent) from error
        except (smtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise DeliveryError(f"{type(error).__name__}: {error}"[:200]) from error


def connect_smtp(settings: MailSettings) -> smtplib.SMTP:
    """A connection, encrypted as the settings say; certificates are verified."""
    context = ssl.create_default_context()
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT)
    if settings.security == "starttls":
        server.starttls(context=context)
    return server
