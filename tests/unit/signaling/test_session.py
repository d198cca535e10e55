"""A session's numbering, replay and rates."""

import msgspec
from hypothesis import given, strategies as st

from signaling.protocol import AgentState, ChatAdded, ChatItem, Person
from signaling.records import SessionState
from signaling.session import (
    MAX_REFUSED_IN_A_ROW,
    REPLAY_BYTES,
    REPLAY_MESSAGES,
    ReplayBuffer,
    Session,
    TokenBucket,
    token_hash,
)


def new_session(last_seq: int = 0) -> Session:
    state = SessionState("s", "customer", token_hash("t"), "shop", Person(), last_seq=last_seq)
    return Session(state, 1, 0.0)


def seqs(frames: list[bytes] | None) -> list[int] | None:
    return None if frames is None else [msgspec.json.decode(frame)["seq"] for frame in frames]


@given(st.integers(0, 400), st.integers(-5, 410), st.integers(-5, 410))
def test_replay_is_all_that_was_missed_or_nothing(sent: int, ack: int, last_seq: int) -> None:
    session = new_session()
    for _ in range(sent):
        session.number(AgentState(0, "ready", 1))
    session.replay.forget(ack)
    missed = seqs(session.missed(last_seq))
    kept_from = max(sent - REPLAY_MESSAGES, min(ack, sent), 0)
    if kept_from <= last_seq <= sent:
        assert missed == list(range(last_seq + 1, sent + 1))
    else:
        assert missed is None


@given(st.lists(st.integers(0, 40_000), max_size=60))
def test_the_buffer_is_bounded_in_bytes_and_count(sizes: list[int]) -> None:
    replay = ReplayBuffer()
    for seq, size in enumerate(sizes, 1):
        replay.add(b"x" * size, seq)
        assert replay.size_bytes <= REPLAY_BYTES
        assert len(replay) <= REPLAY_MESSAGES
    assert replay.last_seq == len(sizes)


def test_numbers_go_on_after_a_restart_from_what_the_client_saw() -> None:
    session = new_session(last_seq=3)
    session.restored = True
    assert session.missed(9) is None
    assert seqs([session.number(AgentState(0, "ready", 0))]) == [10]
    assert seqs(session.missed(9)) == [10], "from then on it replays again"


def test_a_client_that_claims_to_know_the_future_gets_the_snapshot() -> None:
    assert new_session().missed(7) is None


def test_a_large_conversation_does_not_stay_in_memory() -> None:
    session = new_session()
    for n in range(500):
        session.number(ChatAdded(0, "call", ChatItem(f"i{n}", "agent", 0.0, "ü" * 2000)))
    assert session.replay.size_bytes <= REPLAY_BYTES


@given(st.floats(0.1, 50), st.integers(1, 100), st.lists(st.floats(0, 1), max_size=200))
def test_a_bucket_never_gives_more_than_its_rate(rate: float, burst: int, pauses: list[float]) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6


def test_a_flood_is_told_once_and_then_closed() -> None:
    session = new_session()
    told = 0
    while not session.flooding:
        if not session.may_send(0.0):
            told += session.tell_rate
    assert told == 1
    assert session._refused == MAX_REFUSED_IN_A_ROW + 1
    assert session.may_send(1.0)
    assert not session.flooding


def test_a_new_connection_names_the_one_it_replaces() -> None:
    session = new_session()
    assert session.attach(2) == 1
    session.detach(5.0)
    assert (session.attached, session.detached_at, session.attach(3)) == (False, 5.0, None)


def test_only_the_hash_of_a_token_is_kept() -> None:
    assert "t" * 30 not in repr(new_session().state) + token_hash("t" * 30)
    assert len(token_hash("x")) == 64
