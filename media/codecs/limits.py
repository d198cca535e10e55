"""How large a picture may be. A few bytes can declare 16383x16383 pixels, 400 MB a frame."""

MAX_PIXELS = 1920 * 1088
"""Full HD in whole macroblocks; either orientation."""
MAX_FRAME_BYTES = 2_000_000
"""An encoded frame. Browsers at 8 Mbps make key frames of a tenth of it."""
