"""The browser of the end-to-end tests: where it is, and with which pretended devices it starts."""

import shutil
import subprocess

from tests.e2e.product import ROOT

FRAMES_A_SECOND = 15
"""Of the pretended cameras: two software encoders and four decoders share the machine with the server."""


def chromium_path() -> str:
    """The system's Chromium, found by the same script that `make` uses; fails with what is missing."""
    found = subprocess.run([ROOT / ".ci" / "need", "chromium"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return shutil.which(found.stdout.split()[0]) or found.stdout.strip()


def chromium_flags(frames_a_second: int = FRAMES_A_SECOND) -> list[str]:
    return [
        "--no-sandbox",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--disable-domain-reliability",
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--disable-background-timer-throttling",
        "--use-fake-ui-for-media-stream",
        f"--use-fake-device-for-media-stream=fps={frames_a_second}",
        "--autoplay-policy=no-user-gesture-required",
        "--force-color-profile=srgb",
    ]
