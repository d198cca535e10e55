"""Evidence: whatever is changed, exchanged, taken away or added, the check says so; nothing else."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import msgspec
import pytest
from hypothesis import given, strategies as st

from callserver.recordings.verdict import as_json, in_words
from media.recording.errors import FormatError
from media.recording.evidence import (
    MANIFEST,
    REPORT,
    SIGNATURE,
    Chain,
    Header,
    Signer,
    canonical,
    load_or_create_signer,
)
from media.recording.evidence_archive import write_archive
from media.recording.evidence_check import Outcome, Verdict, check_archive, load_public_key

STILL = b"\xff\xd8 a still \xff\xd9" * 50
FILM = b"a film" * 5000
HEADER = Header("e1", "c1", "KT7XQ4", 1_700_000_000.0, "shop", "order <b>4711</b>")


def signer_of(folder: Path, number: int = 1) -> Signer:
    return load_or_create_signer(folder / f"{number}.key", lambda count: bytes([number]) * count)


def chain() -> Chain:
    chain = Chain(HEADER)
    chain.add_event(1_700_000_001.0, "challenge shown")
    chain.add_file("still", 1_700_000_005.5, "front <img>", "front.jpg", "image/jpeg", [STILL])
    chain.add_file("recording", 1_700_000_001.0, "customer", "customer.webm", "video/webm", [FILM[:9], FILM[9:]])
    return chain


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    out = tmp_path / "evidence.zip"
    write_archive(
        out, chain(), [("front.jpg", [STILL]), ("customer.webm", [FILM])], signer_of(tmp_path), 1_700_000_100.0
    )
    return out


def checked(path: Path, folder: Path, number: int = 1) -> Verdict:
    return check_archive(path, load_public_key(signer_of(folder, number).public_pem))


def rebuilt(path: Path, change: Callable[[str, bytes], bytes | None], method: int = ZIP_STORED) -> None:
    """The archive again, each member changed or left out."""
    with ZipFile(path) as old:
        members = [(info.filename, old.read(info)) for info in old.infolist()]
    with ZipFile(path, "w", method) as new:
        for name, content in members:
            changed = change(name, content)
            if changed is not None:
                new.writestr(name, changed)


def test_what_was_written_is_genuine(archive: Path, tmp_path: Path) -> None:
    verdict = checked(archive, tmp_path)
    assert (verdict.outcome, verdict.faults) == (Outcome.GENUINE, [])
    words = in_words(verdict, archive)
    assert "GENUINE" in words
    assert "KT7XQ4" in words
    assert "Not proven:" in words
    assert msgspec.json.decode(as_json(verdict))["outcome"] == "genuine"


def test_without_a_key_nobody_is_vouched_for(archive: Path) -> None:
    assert check_archive(archive, None).outcome == Outcome.UNKNOWN_SIGNER


def test_another_key_than_the_expected_is_named(archive: Path, tmp_path: Path) -> None:
    verdict = checked(archive, tmp_path, 2)
    assert verdict.outcome == Outcome.NOT_GENUINE
    assert "another key" in verdict.faults[0]


def test_any_changed_byte_is_found(archive: Path, tmp_path: Path) -> None:
    """In manifest, signature, stills, film, report, and in the zip's own tables; few of the film, which is long."""
    whole = archive.read_bytes()
    copy = tmp_path / "copy.zip"
    film = whole.index(FILM)
    for at in [*range(0, film, 5), *range(film, film + len(FILM), 97), *range(film + len(FILM), len(whole), 5)]:
        changed = bytearray(whole)
        changed[at] ^= 0x20
        copy.write_bytes(changed)
        verdict = checked(copy, tmp_path)
        if verdict.outcome == Outcome.GENUINE:
            # Only what says nothing: dates, attributes and the like of the zip's tables, or the copy of the key.
            with ZipFile(archive) as first, ZipFile(copy) as second:
                assert first.namelist() == second.namelist()
                for name in first.namelist():
                    assert name == "public-key.pem" or first.read(name) == second.read(name)


def test_any_truncation_is_unreadable(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    copy = tmp_path / "copy.zip"
    for size in [*range(0, len(whole), 211), *range(len(whole) - 600, len(whole))]:
        copy.write_bytes(whole[:size])
        verdict = checked(copy, tmp_path)
        assert verdict.outcome == Outcome.UNREADABLE
        assert verdict.faults


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name, data: None if name.endswith("front.jpg") else data, "files/front.jpg is missing"),
        (lambda name, data: data + b"x" if name.endswith("front.jpg") else data, "front.jpg was changed"),
        (lambda name, data: data[::-1] if name.endswith(".webm") else data, "customer.webm was changed"),
        (lambda name, data: data + b" " if name == REPORT else data, "report was changed"),
        (lambda name, data: data.replace(b"KT7XQ4", b"AAAAAA") if name == MANIFEST else data, "changed after signing"),
        (lambda name, data: data + b" " if name == MANIFEST else data, "changed after signing"),
        (lambda name, data: bytes(64) if name == SIGNATURE else data, "signature does not fit"),
    ],
)
def test_what_was_changed_is_named(
    archive: Path, tmp_path: Path, change: Callable[[str, bytes], bytes | None], said: str
) -> None:
    rebuilt(archive, change)
    verdict = checked(archive, tmp_path)
    assert verdict.outcome == Outcome.NOT_GENUINE
    assert any(said in fault for fault in verdict.faults), verdict.faults
    assert "NOT GENUINE" in in_words(verdict, archive)


def test_what_was_added_is_named(archive: Path, tmp_path: Path) -> None:
    with ZipFile(archive, "a", ZIP_STORED) as zipped:
        zipped.writestr("files/more.jpg", b"more")
    assert any("does not belong" in fault for fault in checked(archive, tmp_path).faults)


def test_even_the_signer_cannot_break_the_chain(archive: Path, tmp_path: Path) -> None:
    """An entry taken out and everything signed again: the chain shows it, unless all that follows is made anew."""
    signer = signer_of(tmp_path)
    with ZipFile(archive) as zipped:
        manifest = msgspec.json.decode(zipped.read(MANIFEST))
    del manifest["entries"][0]
    forged = msgspec.json.encode(manifest, order="sorted")
    rebuilt(
        archive,
        lambda name, data: forged if name == MANIFEST else signer.sign(forged) if name == SIGNATURE else data,
    )
    verdict = checked(archive, tmp_path)
    assert verdict.outcome == Outcome.NOT_GENUINE
    assert any("chain breaks at entry 0" in fault for fault in verdict.faults)


def test_bombs_are_refused_before_anything_is_unpacked(archive: Path, tmp_path: Path) -> None:
    rebuilt(archive, lambda _, data: data, ZIP_DEFLATED)
    assert "packed" in checked(archive, tmp_path).faults[0]
    bomb = tmp_path / "bomb.zip"
    with ZipFile(bomb, "w", ZIP_DEFLATED) as zipped:
        for name in (MANIFEST, SIGNATURE, "public-key.pem", REPORT):
            zipped.writestr(name, bytes(50_000_000))
    assert checked(bomb, tmp_path).outcome == Outcome.UNREADABLE
    with ZipFile(bomb, "w") as zipped:
        for number in range(6000):
            zipped.writestr(str(number), b"")
    assert checked(bomb, tmp_path).outcome == Outcome.UNREADABLE


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.zip"
    path.write_bytes(b"PK\x03\x04" + data)
    assert check_archive(path, None).outcome == Outcome.UNREADABLE


@given(st.dictionaries(st.sampled_from([MANIFEST, SIGNATURE, "public-key.pem", REPORT, "x"]), st.binary(max_size=200)))
def test_any_members_are_judged(tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "members.zip"
    with ZipFile(path, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    assert check_archive(path, None).outcome == Outcome.UNREADABLE


def test_files_that_changed_since_they_were_hashed_are_not_signed(tmp_path: Path) -> None:
    out = tmp_path / "e.zip"
    with pytest.raises(FormatError, match=r"front\.jpg is not what it was"):
        write_archive(out, chain(), [("front.jpg", [b"other"]), ("customer.webm", [FILM])], signer_of(tmp_path), 0.0)
    with pytest.raises(FormatError, match=r"missing: customer\.webm"):
        write_archive(out, chain(), [("front.jpg", [STILL])], signer_of(tmp_path), 0.0)
    with pytest.raises(FormatError, match="not in the chain"):
        write_archive(out, chain(), [("other.jpg", [STILL])], signer_of(tmp_path), 0.0)
    assert [path.suffix for path in tmp_path.iterdir()] == [".key"]


def test_a_chain_goes_on_from_stored_entries_and_refuses_changed_ones() -> None:
    first = chain()
    again = Chain(HEADER, first.entries)
    assert again.add_event(1.0, "later").before == first.head
    with pytest.raises(FormatError, match="entry 1"):
        Chain(HEADER, [first.entries[0], msgspec.structs.replace(first.entries[1], text="other")])
    with pytest.raises(FormatError, match="entry 0"):
        Chain(msgspec.structs.replace(HEADER, challenge="OTHER"), first.entries)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "C:x", "nul\0", "ä.jpg", "x" * 101, "front.jpg"])
def test_names_that_could_mean_another_place_are_refused(name: str) -> None:
    with pytest.raises(FormatError):
        chain().add_file("still", 0.0, "", name, "image/jpeg", [b""])


def test_the_report_shows_everything_and_runs_nothing(archive: Path) -> None:
    with ZipFile(archive) as zipped:
        report = zipped.read(REPORT).decode()
    for text in (
        "KT7XQ4",
        "order &lt;b&gt;4711&lt;/b&gt;",
        "front &lt;img&gt;",
        'src="files/front.jpg"',
        "<video controls",
    ):
        assert text in report
    assert "<script" not in report
    assert "http" not in report


def test_the_signing_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    first = load_or_create_signer(tmp_path / "k", lambda count: b"\x05" * count)
    second = load_or_create_signer(tmp_path / "k", lambda count: b"\x06" * count)
    assert first.public_pem == second.public_pem
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    (tmp_path / "k").write_bytes(b"rubbish")
    with pytest.raises(FormatError):
        load_or_create_signer(tmp_path / "k", bytes)


def test_public_keys_are_read_as_pem_and_as_digits(tmp_path: Path) -> None:
    signer = signer_of(tmp_path)
    assert load_public_key(signer.public_hex.encode()) == load_public_key(signer.public_pem)
    for bad in (b"", b"zz" * 32, b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(FormatError):
            load_public_key(bad)


def test_the_manifest_does_not_depend_on_the_order_of_fields() -> None:
    assert canonical(HEADER) == msgspec.json.encode(msgspec.to_builtins(HEADER), order="sorted")


def test_an_archive_with_the_tables_at_fault_is_unreadable(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.zip"
    shutil.copy(archive, copy)
    with copy.open("ab") as file:
        file.write(b"\0" * 70_000)
    assert checked(copy, tmp_path).outcome == Outcome.UNREADABLE
    assert zipfile.is_zipfile(archive)
