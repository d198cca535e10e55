"""What a drill reads out of the server's messages and puts into its offers."""

from typing import Any

import pytest

from callserver.drill import client, direct, run
from callserver.drill.plan import Plan
from callserver.drill.spec import parse_spec

OFFER = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\n"
    "a=candidate:101 1 tcp 1526726655 192.0.2.1 7882 typ host tcptype passive\r\na=end-of-candidates\r\n"
)


def _limited(at: float, video: str, side: str = "own") -> tuple[float, dict[str, Any]]:
    return at, {"type": "media.limited", "seq": 1, "side": side, "video": video}


def test_only_pauses_of_the_own_picture_count() -> None:
    messages = [
        (0.0, {"type": "welcome"}),
        _limited(1.0, "paused", "peer"),
        _limited(2.0, "paused"),
        _limited(3.0, "", "peer"),
        _limited(5.0, ""),
        _limited(9.0, "paused"),
    ]
    assert run.paused_seconds(messages, 10.0) == 4.0
    assert run.paused_seconds(messages[:3], 10.0) == 8.0
    assert run.paused_seconds([], 10.0) == 0.0


def test_a_relay_takes_the_place_of_the_servers_addresses() -> None:
    assert client.candidate(OFFER, "udp") == client.candidate(OFFER, "tcp") == ("192.0.2.1", 7882)
    udp = direct.replace_candidates(OFFER, ("127.0.0.1", 5))
    assert client.candidate(udp, "udp") == ("127.0.0.1", 5)
    with pytest.raises(client.DrillError, match="TCP"):
        client.candidate(udp, "tcp")
    both = direct.replace_candidates(OFFER, ("127.0.0.1", 5), ("127.0.0.1", 6))
    assert (client.candidate(both, "udp"), client.candidate(both, "tcp")) == (("127.0.0.1", 5), ("127.0.0.1", 6))


@pytest.mark.parametrize(("link", "blocks"), [("", False), ("udp=off", True), ("delay=1;@9 udp=off;@10 udp=on", True)])
def test_tcp_is_relayed_where_udp_may_not_pass(link: str, blocks: bool) -> None:
    clean = parse_spec("")
    assert Plan(parse_spec(link), clean, 15.0).blocks_udp is blocks
    assert Plan(clean, parse_spec(link), 15.0).blocks_udp is blocks


def test_what_could_not_be_measured_is_null() -> None:
    nothing = run.Outcome(run.unmeasured(), run.unmeasured())
    assert nothing.to_agent.video.fps is nothing.to_customer.audio.pesq is None
