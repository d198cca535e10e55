"""The codec bench measures something, of everything."""

import msgspec
import numpy as np
import pytest

from callserver.bench import BenchError
from callserver.bench.codecs import SPEECH, codecs, load_speech


def test_a_short_run_has_every_figure() -> None:
    said: list[str] = []
    report = msgspec.to_builtins(codecs(1.0, say=said.append))
    assert len(said) >= 4
    assert report["opus"]["encode_decode_us"] > 0
    for transcoded in report["transcode"]:
        assert transcoded["core_share"] > 0
        assert transcoded["fps"] > 10
        assert transcoded["psnr"] > 25
    sizes = [(transcoded["codec"], int(transcoded["size"].partition("x")[0])) for transcoded in report["transcode"]]
    assert sizes == [("VP8", 640), ("VP8", 640), ("VP8", 320), ("H264", 640), ("H264", 320)]


def test_the_speech_is_as_long_as_wanted_and_no_silence() -> None:
    assert SPEECH.is_file()
    sound = load_speech(3.0)
    assert len(sound) == 3 * 48_000
    assert np.abs(sound).max() > 3000


def test_too_short_is_refused() -> None:
    with pytest.raises(BenchError):
        codecs(0.5, say=lambda _: None)
