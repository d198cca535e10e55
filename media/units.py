"""Constants of time and size that more than one part of the media core needs."""

NTP_EPOCH_OFFSET = 2_208_988_800
"""Seconds from 1900-01-01 (NTP era 0) to 1970-01-01 (RFC 5905 §6)."""

MAX_DATAGRAM_BYTES = 2048
"""The size of one receive slot. Larger datagrams are truncated by the kernel and dropped by us."""

MAX_RTP_BYTES = 1500
"""The longest RTP packet that is forwarded, before encryption."""

AUDIO_CLOCK_HZ = 48_000
VIDEO_CLOCK_HZ = 90_000
