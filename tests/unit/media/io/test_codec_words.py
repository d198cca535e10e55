"""What an engine and its codec worker say: everything comes back as it was said, nothing else is understood."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from media.api import Kind, RecordingSpec, RecordingState
from media.errors import WireError
from media.io import codec_words as words

SPEC = RecordingSpec("rec", "/recordings", bytes(range(32)), leg_names={"leg": "customer"})
FROM_ENGINE: list[words.FromEngine] = [
    words.OpenTap(1, "call", "leg", Kind.VIDEO),
    words.ForgetCall("call"),
    words.SenderReport(1, 2**63, 2**31, 1.5),
    words.StartRecording("call", SPEC),
    words.PauseRecording("rec", True),
    words.StopRecording("rec"),
    words.TakeStill(3, 1),
    words.EndStills(1),
    words.StartTranscode(4, 1, 300_000),
    words.ChangeRate(4, 200_000),
    words.MakeKeyFrame(4),
    words.StopTranscode(4),
]
FROM_WORKER: list[words.FromWorker] = [
    words.Beat(0.25, {"dropped": 1}, {"rec": (1.5, 2000)}),
    words.Recorded("rec", RecordingState.FAILED, "No space left on device", 1.0, 5),
    words.KeyFrameWanted("call", "leg"),
    words.Still(3, "image/jpeg", b"\xff\xd8", 640, 480, 1.0),
    words.TranscodeEnded(4, "too slow"),
    words.Logged(30, "a line"),
]


@pytest.mark.parametrize("message", FROM_ENGINE)
def test_an_engines_words_arrive(message: words.FromEngine) -> None:
    assert words.from_engine(words.encode(message)) == message


@pytest.mark.parametrize("message", FROM_WORKER)
def test_a_workers_words_arrive(message: words.FromWorker) -> None:
    assert words.from_worker(words.encode(message)) == message


def test_neither_side_understands_its_own_words() -> None:
    with pytest.raises(WireError):
        words.from_worker(words.encode(FROM_ENGINE[0]))
    with pytest.raises(WireError):
        words.from_engine(words.encode(FROM_WORKER[0]))


@given(st.binary(max_size=500))
def test_other_bytes_are_a_wire_error(body: bytes) -> None:
    for read in (words.from_engine, words.from_worker):
        with contextlib.suppress(WireError):
            read(body)


def test_keys_are_in_no_log_line() -> None:
    assert "\\x01\\x02" not in repr(words.StartRecording("call", SPEC))
