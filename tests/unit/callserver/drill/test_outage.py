"""How long nothing came, and when a caller on the move has its signaling back."""

import pytest

from callserver.drill import moving, plan, spec
from callserver.drill.outage import Outages


def test_the_longest_time_without_media_counts_and_the_one_that_lasts_too() -> None:
    outages = Outages()
    outages.arrived("near", b"\x90", 0.0)
    assert outages.longest_ms("near", 1.0) is None, "not begun"
    outages.begin(10.0)
    for now in (10.1, 10.2, 11.0):
        outages.arrived("near", b"\x90media", now)
    outages.arrived("near", b"\x00check", 11.4)
    outages.arrived("far", b"\xbf", 11.0)
    assert outages.longest_ms("near", 11.5) == 800
    assert outages.longest_ms("near", 12.5) == 1500
    assert outages.longest_ms("far", 11.2) == 1000


def test_a_check_over_tcp_is_no_media() -> None:
    outages = Outages()
    outages.begin(0.0)
    outages.streamed("near", b"\x00\x40\x00\x01check", 1.0)
    assert outages.longest_ms("near", 1.0) == 1000
    outages.streamed("near", b"\x00\x40\x90media", 2.0)
    outages.streamed("near", bytes(1400), 3.0)
    assert outages.longest_ms("near", 3.5) == 2000


def test_signaling_is_gone_with_the_old_network_and_back_on_the_new_one() -> None:
    moved = "@10 down=on;@11 down=off,delay=100,address=1;@20 address=0"
    link = spec.parse_spec(f"delay=40;{moved};@30 down=on;@31 down=off")
    expected = [(10.0, pytest.approx(11.5)), (20.0, pytest.approx(20.5))]
    assert list(moving.moves(plan.Plan(link, link, 60.0))) == expected
