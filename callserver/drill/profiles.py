"""Named networks. Each is a pair of link descriptions: towards the customer, and from the customer."""

from typing import NamedTuple


class Profile(NamedTuple):
    link: str
    uplink: str
    meaning: str
    one_network: bool = False
    """What happens to one direction happens to the other: without another word both are as described."""


def _both(spec: str, meaning: str, one_network: bool = False) -> Profile:
    return Profile(spec, spec, meaning, one_network)


PROFILES = {
    "clean": _both("delay=50", "nothing wrong but distance"),
    "lossy-10": _both("loss=10,delay=50", "one packet in ten lost"),
    "lossy-20": _both("loss=20,delay=50", "one in five"),
    "lossy-30": _both("loss=30,delay=50", "three in ten: a crowded Wi-Fi, a train"),
    "burst-10": _both("loss=10,burst=5,delay=50", "one in ten, five at a time"),
    "lossy-50": _both("loss=50,delay=50", "every second packet lost"),
    "cap-500k": _both("rate=500k,delay=50", "a shared DSL line"),
    "cap-300k": _both("rate=300k,delay=50", "3G at its edge"),
    "cap-150k": _both("rate=150k,delay=50", "2G, a throttled plan"),
    "cap-80k": _both("rate=80k,delay=50", "less than a telephone line of old carried"),
    "cap-40k": _both("rate=40k,delay=50", "voice and nothing else"),
    "step": _both("rate=2M,delay=50;@20 rate=300k;@40 rate=2M", "the link narrows for twenty seconds"),
    "train-4g": _both(
        "rate=3M,delay=40,jitter=8,loss=1,burst=3;@8 rate=600k,loss=8;@13 down=on;@15 down=off,rate=1500k,loss=3;"
        "@22 rate=250k,loss=12,burst=6;@27 rate=3M,loss=1",
        "cells come and go, a tunnel of two seconds",
    ),
    "satellite": _both("rate=2M,delay=300,jitter=15,loss=1", "a geostationary hop"),
    "udp-blocked": _both("delay=30,udp=off", "a firewall that lets only TCP through", one_network=True),
    "udp-dies": _both("delay=30;@10 udp=off", "UDP passes at first and then not any more", one_network=True),
    "handover": _both(
        "delay=40;@10 down=on;@11 down=off,delay=70,address=1",
        "Wi-Fi to 4G: a second of nothing, then another network and address",
        one_network=True,
    ),
}
