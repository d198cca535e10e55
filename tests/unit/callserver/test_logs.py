import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given, strategies as st

from callserver import logs
from callserver.config import LogSettings
from signaling.admission import Admission
from signaling.http.tokens import Tokens, make_api_key

CANARY = "canary7c2b9e"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure(LogSettings(level="debug"), stream)
    yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_ids_of_its_call(written: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(call_id="c1")
    logging.getLogger("media.io.engine").info("leg %s", "open", extra={"leg_id": "l1", "port": 7882})
    structlog.get_logger("signaling").warning("answered", leg_id="l2")
    first, second = lines(written)
    assert (first["event"], first["call_id"], first["leg_id"], first["port"]) == ("leg open", "c1", "l1", 7882)
    assert (first["level"], first["logger"]) == ("info", "media.io.engine")
    assert (second["event"], second["call_id"], second["leg_id"], second["level"]) == (
        "answered",
        "c1",
        "l2",
        "warning",
    )


def test_no_secret_gets_into_a_log(written: io.StringIO) -> None:
    """Every way by which a secret could come: by name, in a text, in a structure, in an exception."""
    logger = logging.getLogger("x")
    ticket, _ = Tokens(b"k" * 32, lambda: 0.0).make_ticket(Admission("customer", "shop", customer_id=CANARY))
    photo = Tokens(b"k" * 32, lambda: 0.0).make_photo_token(CANARY)
    for name in ("password", "ticket", "resume_token", "api_key", "Authorization", "Cookie", "turn.secret", "ice_pwd"):
        logger.info("named", extra={name: CANARY, "nested": {"deep": [{name: CANARY}]}})
    texts = [
        f"v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:{CANARY}\r\na=mid:0",
        f"v=0\\r\\na=ice-pwd:{CANARY}\\r\\n",
        f'{{"type":"hello","ticket":"{CANARY}"}}',
        f"password={CANARY} token: {CANARY}, ticket='{CANARY}'",
        f"Authorization: Bearer {CANARY}",
        f"postgresql://user:{CANARY}@db/calls",
        f"Cookie: __Host-callserver={CANARY}{CANARY}",
        f"$argon2id$v=19$m=65536,t=3,p=4${CANARY}",
    ]
    for text in texts:
        logger.warning("saw %s", text)
        structlog.get_logger("y").info(text, detail=text, raw=text.encode())
    for secret in (ticket, photo, make_api_key()):
        logger.info("saw %s", secret)
        assert secret not in written.getvalue()
    try:
        raise ValueError(f"bad secret={CANARY}")
    except ValueError:
        logger.exception("failed")
    assert CANARY not in written.getvalue()
    assert "a=mid:0" in written.getvalue()


def test_ordinary_words_stay(written: io.StringIO) -> None:
    extra = {"path": "/api/v1/tickets", "calls_waiting": 3, "reason": "hung_up", "sequence": 5, "tokens_left": None}
    logging.getLogger("x").info("call ended after 3 s", extra=extra)
    assert extra.items() <= lines(written)[0].items()


def test_long_values_are_cut(written: io.StringIO) -> None:
    logging.getLogger("x").info("saw %s", "a" * 100_000)
    assert len(written.getvalue()) < 5_000


def test_text_for_people(written: io.StringIO) -> None:
    stream = io.StringIO()
    logs.configure(LogSettings(json=False), stream)
    logging.getLogger("x").info("hello", extra={"call_id": "c1", "password": CANARY})
    assert "hello" in stream.getvalue()
    assert "c1" in stream.getvalue()
    assert CANARY not in stream.getvalue()


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.binary(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_anything_can_be_cleaned(value: Any) -> None:
    json.dumps(logs.redact(None, "info", {"event": "x", "value": value}))
