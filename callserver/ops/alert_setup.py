"""From settings to the outlets of alerts."""

import time
from datetime import UTC, datetime

from callserver.ops.alert_mail import Mail, MailSettings
from callserver.ops.alert_outlets import Message, Outlet, subject, text, webhook_body
from callserver.ops.settings import AlertSettings
from callserver.ops.webhook import Webhook
from callserver.ops.webhook_signature import secret_bytes


class Outlets:
    """The targets the settings name; `public_url` makes the link of an e-mail."""

    def __init__(self, settings: AlertSettings, public_url: str) -> None:
        self.all: list[Outlet] = []
        self._closing: list[Webhook | Mail] = []
        self._link = f"{public_url}/ops#/alerts" if public_url else ""
        if settings.webhook_url:
            key = secret_bytes(settings.webhook_secret)
            webhook = Webhook(settings.webhook_url, key, time.time, allow_private=settings.allow_private)
            self._closing.append(webhook)

            async def post(message: Message) -> None:
                await webhook.send(message.message_id, webhook_body(message, _iso(message.at)))

            self.all.append(Outlet("webhook", post))
        if settings.mail_to:
            mail = Mail(_mail_settings(settings))
            self._closing.append(mail)

            async def write(message: Message) -> None:
                body = text(message, _iso(message.at), self._link)
                await mail.send(subject(message), body, message.message_id)

            self.all.append(Outlet("e-mail", write))

    async def close(self) -> None:
        for one in self._closing:
            await one.close()


def _mail_settings(settings: AlertSettings) -> MailSettings:
    return MailSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        recipients=settings.mail_to,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )


def _iso(wall_time: float) -> str:
    return datetime.fromtimestamp(wall_time, UTC).isoformat(timespec="seconds")
