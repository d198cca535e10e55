"""Where alerts go: signatures, refusals, patience and bounds."""

import asyncio
import base64
import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from callserver.ops.alert_mail import Mail, MailSettings, compose
from callserver.ops.alert_outlets import PAUSES, QUEUE, Message, Outlet, subject, text, webhook_body
from callserver.ops.alert_rules import RulesError, load_rules
from callserver.ops.alerts import Alert
from callserver.ops.settings import AlertSettings, TraceSettings, problems
from callserver.ops.webhook import DeliveryError, Webhook
from callserver.ops.webhook_signature import is_public, secret_bytes, signature
from tests.fakes.operations import alarm

KEY = b"k" * 32
ALERT = Alert("media_busy", "", "warning", "Too busy.", "cpu", 0.9, 0.8, 100.0)
MAIL = MailSettings("smtp.example.com", 587, "calls@example.com", ("olga@example.com",))


def message(number: int = 1) -> Message:
    return Message(f"msg_{number}", "fired", ALERT, 100.0)


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks libraries' own tests."""
    key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_weak_secrets_are_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base64|bytes"):
        secret_bytes(secret)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("2606:4700::1111", True),
        ("x", False),
    ],
)
def test_public_addresses(address: str, expected: bool) -> None:
    assert is_public(address) == expected


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/"])
async def test_a_private_target_is_refused(url: str) -> None:
    webhook = Webhook(url, KEY, lambda: 0.0, allow_private=False)
    with pytest.raises(DeliveryError, match="public"):
        await webhook.send("msg_1", b"{}")
    await webhook.close()


@pytest.mark.parametrize(("status", "permanent"), [(204, None), (500, False), (302, False), (410, True)])
async def test_what_the_receiver_answers(status: int, permanent: bool | None) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        seen.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"} if status == 302 else {})

    app = web.Application()
    app.router.add_post("/hook", receive)
    async with TestServer(app) as server:
        webhook = Webhook(str(server.make_url("/hook")), KEY, lambda: 1000.5, allow_private=True)
        body = webhook_body(message(), "1970-01-01T00:01:40+00:00")
        if permanent is None:
            await webhook.send("msg_1", body)
        else:
            with pytest.raises(DeliveryError) as caught:
                await webhook.send("msg_1", body)
            assert caught.value.permanent == permanent
        await webhook.close()
    (headers, content) = seen[0]
    assert content == body
    assert headers["webhook-signature"] == signature(KEY, "msg_1", 1000, body)


async def drained(outlet: Outlet) -> None:
    """Let the outlet work until nothing waits."""
    task = asyncio.get_running_loop().create_task(outlet.run())
    for _ in range(1000):
        await asyncio.sleep(0)
    task.cancel()


async def test_a_target_that_is_gone_is_tried_patiently_and_given_up() -> None:
    tries, pauses = list[str](), list[float]()

    async def send(one: Message) -> None:
        tries.append(one.message_id)
        raise DeliveryError("nobody there")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    outlet = Outlet("webhook", send, sleep)
    outlet.put(message())
    await drained(outlet)
    assert (len(tries), pauses, outlet.failed, outlet.problem) == (6, list(PAUSES), 1, "nobody there")
    assert set(tries) == {"msg_1"}


async def test_a_target_that_hangs_lets_nothing_grow() -> None:
    never = asyncio.Event()

    async def send(_one: Message) -> None:
        await never.wait()

    outlet = Outlet("webhook", send)
    for number in range(QUEUE + 20):
        outlet.put(message(number))
    assert (outlet.waiting, outlet.dropped) == (QUEUE, 20)
    await drained(outlet)
    assert outlet.waiting == QUEUE, "the one that hangs waits as well"


async def test_a_fault_of_ours_ends_one_message_only() -> None:
    sent: list[str] = []

    async def send(one: Message) -> None:
        if one.message_id == "msg_1":
            raise RuntimeError("ours")
        sent.append(one.message_id)

    outlet = Outlet("webhook", send)
    outlet.put(message(1))
    outlet.put(message(2))
    await drained(outlet)
    assert (sent, outlet.failed, outlet.sent) == (["msg_2"], 1, 1)


def test_an_e_mail_cannot_be_given_headers() -> None:
    mail = compose(MAIL, "a\r\nBcc: x@example.com", text(message(), "now", "https://x/ops"), "msg_1")
    assert mail["Subject"] == "a Bcc: x@example.com"
    assert mail["Bcc"] is None
    assert subject(message()) == "[callserver] WARNING: media busy"


class Server:
    """Takes e-mail, or refuses it."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.taken: list[EmailMessage] = []

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None: ...

    def send_message(self, mail: EmailMessage) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(mail)


@pytest.mark.parametrize(
    ("refusal", "permanent"),
    [
        (None, None),
        (smtplib.SMTPDataError(451, b"later"), False),
        (smtplib.SMTPDataError(550, b"no"), True),
        (ConnectionRefusedError(), False),
    ],
)
async def test_e_mail(refusal: Exception | None, permanent: bool | None) -> None:
    server: Any = Server(refusal)
    mail = Mail(MAIL, lambda _settings: server)
    if permanent is None:
        await mail.send("s", "t", "msg_1")
        assert server.taken[0]["To"] == "olga@example.com"
    else:
        with pytest.raises(DeliveryError) as caught:
            await mail.send("s", "t", "msg_1")
        assert caught.value.permanent == permanent
    await mail.close()


def test_rules_of_a_file_lie_over_the_default_set(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        '[[rule]]\nname="media_busy"\nbelow=1\n[[rule]]\nname="not_ready"\nenabled=false\n'
        '[[rule]]\nname="own"\nmetric="up_loss"\nabove=0.1\n'
    )
    rules = {rule.name: rule for rule in load_rules(file)}
    assert (rules["media_busy"].below, rules["media_busy"].above, rules["media_busy"].clear) == (1.0, None, None)
    assert (rules["not_ready"].enabled, rules["own"].above) == (False, 0.1)


@pytest.mark.parametrize("content", ["x", "a=1", "rule=1", '[[rule]]\nname="x"', '[[rule]]\nmetric="m"', "rule=[1]"])
def test_a_file_that_means_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "rules.toml").write_text(content)
    with pytest.raises(RulesError):
        load_rules(tmp_path / "rules.toml")


def test_settings_that_cannot_work_are_named() -> None:
    bad = AlertSettings(webhook_url="ftp://x", webhook_secret="x", mail_to=("a b",), smtp_security="ssl", smtp_port=0)
    assert len(list(problems(bad, TraceSettings("udp://x")))) == 7
    assert list(problems(AlertSettings(), TraceSettings())) == []
    listed = AlertSettings(mail_to=('["o@example.org"]',), mail_from="o'hara@example.org", smtp_host="mail.example.org")
    assert [problem.split(";")[0] for problem in problems(listed, TraceSettings())] == [
        "alerts.mail_to, alerts.mail_from: '[\"o@example.org\"]' is no plain e-mail address"
    ]


def test_the_alarm_shows_wall_clock_times() -> None:
    sounding = alarm()
    sounding.tick()
    view = sounding.view()
    assert [alert.began_at for alert in view.active] == [5000.0]
    assert sounding.silence("busy", "", 60.0, "Olga")
    assert [(one.until, one.by) for one in sounding.view().silences] == [(5060.0, "Olga")]
    assert sounding.silence("busy", "", 0.0, "Olga")
    assert sounding.view().silences == []
