"""Pages that take ULPFEC in RED and not FlexFEC: as well protected, and the numbers of one stream stay in order."""

import pytest

from tests.scenario.test_bad_networks import SETTLED
from tests.sim.people import ULPFEC_TYPES, join, watched


def test_a_clean_link_carries_neither_red_nor_parity() -> None:
    call, customer, _ = watched(seconds=SETTLED, types=ULPFEC_TYPES)
    call.run(3)
    assert customer.ulpfec_octets == 0
    assert {packet.payload_type for _, packet in customer.seen.packets.values()} <= {96, 97}


@pytest.mark.parametrize(
    ("link", "fps"), [("delay=50,loss=10", 29), ("delay=50,loss=10,burst=5", 27), ("delay=50,loss=30", 27)]
)
def test_loss_is_repaired_by_parity_in_the_stream(link: str, fps: float) -> None:
    call, customer, _ = watched(link, seconds=SETTLED, types=ULPFEC_TYPES)
    call.run(10)
    now = call.clock.now
    assert customer.seen.fps(now - 10, now) >= fps
    assert customer.ulpfec_octets > 20_000
    assert customer.seen.restored > 20
    assert customer.seen.wrong == customer.seen.conflicts == 0


def test_the_numbers_are_one_stream_s_whatever_is_put_between() -> None:
    call, customer, _ = watched("delay=20,loss=5", seconds=SETTLED, types=ULPFEC_TYPES)
    customer.down.shape("delay=20")
    call.run(0.5)
    begin = customer.seen.highest
    call.run(1.0)
    assert customer.ulpfec_octets > 0
    numbers = [number for number in customer.seen.packets if number > begin]
    assert sorted(numbers) == list(range(begin + 1, customer.seen.highest + 1))


def test_two_receivers_have_each_their_own_protection() -> None:
    call, customer, agent = watched("delay=50,loss=10", seconds=SETTLED, types=ULPFEC_TYPES)
    third = join(call, "third", camera=False)
    third.down.shape("delay=50,loss=10")
    call.connect("customer", "agent", "third")
    call.run(8)
    assert customer.ulpfec_octets > 10_000
    assert third.flexfec_octets > 10_000
    assert customer.seen.wrong == third.seen.wrong == 0
    assert third.ulpfec_octets == customer.flexfec_octets == 0
    assert agent.seen.packets == {}
