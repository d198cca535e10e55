"""`callserver verify` and `callserver recording` as an operator types them."""

import shutil
import sys
from pathlib import Path

import av
import msgspec
import pytest

from callserver.bench.recorded_call import Numbering, Page
from callserver.bench.recorded_content import beginnings, pictures
from callserver.cli import main
from callserver.recordings.vault import RecordingFiles
from media.recording.evidence import Chain, Header, load_or_create_signer
from media.recording.evidence_archive import write_archive
from media.recording.recorder import Recorder, RecorderSpec
from tests.sim.recorded import play_into


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def files(data_dir: Path) -> RecordingFiles:
    """Two recordings of two seconds in the data directory."""
    files = RecordingFiles(data_dir / "recordings", data_dir / "recording.keys")
    for name in ("one", "two"):
        path, data_key = files.prepare(name)
        spec = RecorderSpec(name, f"call-{name}", path, data_key, bytes(16), 1.7e9, sides={"c": "customer"})
        recorder = Recorder(spec, 0.0)
        recorder.close(play_into(recorder, [Page("c", pictures=Numbering(), ends=2.2)]))
    return files


def test_recordings_are_listed_and_checked(files: RecordingFiles, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recording", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["one", "two"]
    assert "call-one" in lines[0]
    assert main(["recording", "check", "one"]) == 0
    assert "whole and unchanged" in capsys.readouterr().out
    path = files.path("one")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert main(["recording", "check", "one"]) == 1
    assert "was changed" in capsys.readouterr().out


def test_a_recording_is_exported_as_film_and_by_side(
    files: RecordingFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)
    assert main(["recording", "export", "one", "--out", "one.mp4"]) == 0
    assert len(beginnings((tmp_path / "one.mp4").read_bytes())) == 2
    assert "100 %" in capsys.readouterr().err
    assert main(["recording", "export", "one", "--side", "customer", "--out", "one.webm"]) == 0
    assert len(pictures((tmp_path / "one.webm").read_bytes())) == 22
    assert main(["recording", "export", "one", "--side", "agent", "--out", "agent.webm"]) == 1
    assert "nothing of side agent" in capsys.readouterr().err
    assert not (tmp_path / "agent.webm").exists()
    assert main(["recording", "export", "none", "--out", "none.mp4"]) == 1
    assert capsys.readouterr().err.startswith("callserver recording: ")


def test_a_film_of_cleaned_voices_or_what_to_install(
    files: RecordingFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)
    command = ["recording", "export", "one", "--clean-voice", "--out"]
    assert main([*command, "one.mp4"]) == 0
    with av.open(str(tmp_path / "one.mp4"), "r") as film:
        assert sorted(stream.type for stream in film.streams) == ["audio", "video"]
    monkeypatch.setitem(sys.modules, "webrtc_noise_gain", None)
    assert main([*command, "two.mp4"]) == 1
    assert 'pip install "callserver[voice]"' in capsys.readouterr().err
    assert not (tmp_path / "two.mp4").exists()


def test_after_a_rotation_everything_opens_and_the_old_key_is_not_needed(
    files: RecordingFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    with files.open("one") as reader:
        assert reader.info.complete
    assert main(["recording", "rotate-key"]) == 0
    assert "master key 2: 2 recordings" in capsys.readouterr().out
    with files.open("two") as reader:
        assert reader.info.complete, "a running server reads the changed key ring"
    assert files.ring.without("1").key_ids == ("2",)
    assert main(["recording", "rotate-key"]) == 0
    assert main(["recording", "check", "two"]) == 0


def test_evidence_is_verified_with_the_key_that_was_printed(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recording", "public-key"]) == 0
    (tmp_path / "key.pem").write_text(capsys.readouterr().out)
    chain = Chain(Header("e", "c", "ABC", 1.7e9))
    chain.add_event(1.7e9, "shown \x1b[31m")
    signer = load_or_create_signer(data_dir / "evidence.key", bytes)
    write_archive(tmp_path / "e.zip", chain, [], signer, 1.7e9)

    assert main(["verify", "e.zip", "--key", "key.pem"]) == 0
    said = capsys.readouterr().out
    assert "GENUINE" in said
    assert "are the server's word" in said
    assert "made at the export" in said
    assert "\x1b" not in said
    assert main(["verify", "e.zip"]) == 3
    assert "SOMEBODY UNKNOWN" in capsys.readouterr().out
    assert main(["verify", "e.zip", "--json"]) == 3
    told = msgspec.json.decode(capsys.readouterr().out)
    assert told["signed_by"] == signer.public_hex
    assert any("made at the export" in line for line in told["not_proven"])
    shutil.copy("e.zip", "cut.zip")
    with (tmp_path / "cut.zip").open("r+b") as file:
        file.truncate(300)
    assert main(["verify", "cut.zip", "--key", "key.pem"]) == 2
    assert main(["verify", "none.zip", "--key", "key.pem"]) == 2
    assert main(["verify", "e.zip", "--key", "e.zip"]) == 2
    other = load_or_create_signer(tmp_path / "other.key", lambda count: b"o" * count)
    (tmp_path / "other.pem").write_bytes(other.public_pem)
    assert main(["verify", "e.zip", "--key", "other.pem"]) == 1
    assert "NOT GENUINE" in capsys.readouterr().out
