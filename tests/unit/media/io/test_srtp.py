"""SRTP in place: the same bytes as pylibsrtp's public API, and the contract with its private names."""

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES, SRTPProtectionProfile
from hypothesis import given, strategies as st

from media.io.arena import HEADROOM, Arena, fill
from media.io.srtp import OK, REPLAYED, Cipher, CopyingCipher, InPlaceCipher, make_cipher, names_are_where_we_expect
from media.wire.buffer import PacketBuffer

BOTH = (InPlaceCipher, CopyingCipher)


def session(profile: SRTPProtectionProfile, fill_byte: int, kind: int) -> pylibsrtp.Session:
    key = bytes([fill_byte]) * (profile.key_length + profile.salt_length)
    policy = pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return pylibsrtp.Session(policy)


def pair(
    profile: SRTPProtectionProfile = SRTP_PROFILES[0], kinds: tuple[type, type] = (InPlaceCipher, InPlaceCipher)
) -> tuple[Cipher, Cipher]:
    """Two ends with mirrored keys."""
    inbound, outbound = pylibsrtp.Policy.SSRC_ANY_INBOUND, pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    return (
        kinds[0](session(profile, 1, inbound), session(profile, 2, outbound)),
        kinds[1](session(profile, 2, inbound), session(profile, 1, outbound)),
    )


def slot_with(data: bytes) -> PacketBuffer:
    slot = Arena(1).slots[0]
    fill(slot, data)
    return slot


def rtp(sequence: int, payload: bytes = b"voice" * 20) -> bytes:
    return bytes([0x80, 111]) + sequence.to_bytes(2, "big") + bytes(4) + b"\0\0\0\7" + payload


RECEIVER_REPORT = bytes([0x80, 201, 0, 1, 0, 0, 0, 7])


def test_the_private_names_are_where_we_expect() -> None:
    """A new pylibsrtp moved them? Then packets cost twice as much: see media/io/srtp.py."""
    assert names_are_where_we_expect()
    any_inbound = session(SRTP_PROFILES[0], 1, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    assert isinstance(make_cipher(any_inbound, any_inbound), InPlaceCipher)


def test_profiles_in_order_of_preference() -> None:
    names = [profile.openssl_profile for profile in SRTP_PROFILES]
    assert names == [b"SRTP_AEAD_AES_256_GCM", b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"]


@pytest.mark.parametrize("profile", SRTP_PROFILES, ids=lambda profile: profile.openssl_profile.decode())
@pytest.mark.parametrize("kinds", [(a, b) for a in BOTH for b in BOTH])
def test_packets_pass_between_both_ways_of_calling(profile: SRTPProtectionProfile, kinds: tuple[type, type]) -> None:
    sender, receiver = pair(profile, kinds)
    slot = slot_with(rtp(1))
    assert sender.protect_rtp(slot) == OK
    assert slot.tobytes() != rtp(1)
    assert receiver.unprotect_rtp(slot) == OK
    assert (slot.tobytes(), slot.start) == (rtp(1), HEADROOM)
    report = slot_with(RECEIVER_REPORT)
    assert sender.protect_rtcp(report) == OK
    assert receiver.unprotect_rtcp(report) == OK
    assert report.tobytes() == RECEIVER_REPORT


@pytest.mark.parametrize("kind", BOTH)
def test_replayed_and_forged_packets_are_told_apart(kind: type) -> None:
    sender, receiver = pair(kinds=(kind, kind))
    slot = slot_with(rtp(1))
    sender.protect_rtp(slot)
    wire = slot.tobytes()
    assert receiver.unprotect_rtp(slot_with(wire)) == OK
    assert receiver.unprotect_rtp(slot_with(wire)) in REPLAYED
    forged = receiver.unprotect_rtp(slot_with(rtp(2) + bytes(16)))
    assert forged != OK
    assert forged not in REPLAYED


def test_late_packets_are_taken_within_a_window_of_1024() -> None:
    sender, receiver = pair()
    wires = []
    for sequence in range(1100):
        slot = slot_with(rtp(sequence))
        sender.protect_rtp(slot)
        wires.append(slot.tobytes())
    assert receiver.unprotect_rtp(slot_with(wires[1099])) == OK
    assert receiver.unprotect_rtp(slot_with(wires[80])) == OK
    assert receiver.unprotect_rtp(slot_with(wires[2])) in REPLAYED


def test_the_same_number_may_be_sent_again() -> None:
    sender, _ = pair()
    assert [sender.protect_rtp(slot_with(rtp(5))) for _ in range(2)] == [OK, OK]


def test_the_start_may_have_moved() -> None:
    sender, receiver = pair()
    slot = slot_with(rtp(1))
    slot.start -= 8
    slot.view[slot.start : slot.start + 12] = rtp(1)[:12]
    expected = slot.tobytes()
    assert sender.protect_rtp(slot) == OK
    assert receiver.unprotect_rtp(slot) == OK
    assert slot.tobytes() == expected


@given(st.binary(min_size=22, max_size=1900))
def test_any_bytes_are_refused(data: bytes) -> None:
    _, receiver = pair()
    assert receiver.unprotect_rtp(slot_with(data)) != OK
    assert receiver.unprotect_rtcp(slot_with(data)) != OK
