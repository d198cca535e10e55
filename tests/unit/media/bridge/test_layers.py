"""Leaving out temporal layers: what stays is continuous, whatever comes late."""

from itertools import pairwise

from hypothesis import given, strategies as st

from media.bridge.layers import Thinning
from media.wire.vp8 import Vp8Descriptor, build_descriptor, parse_descriptor
from media.wire.vp8_layers import LONG_PICTURE_ID, Layer, read_layer, write_picture_id

PATTERN = ((0, False), (2, True), (1, True), (2, False))


def layer(picture_id: int) -> Layer:
    number, sync = PATTERN[picture_id % 4]
    return Layer(number, sync, picture_id % LONG_PICTURE_ID, 2)


@given(st.integers(0, LONG_PICTURE_ID - 1), st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_ids_of_what_leaves_have_no_gap(first: int, wishes: list[int]) -> None:
    thinning = Thinning(0.0)
    ids = []
    for step, wanted in enumerate(wishes):
        thinning.wanted, thinning.highest = wanted, min(thinning.highest, wanted)
        out = thinning.take(layer(first + step), 100)
        if out is not None:
            ids.append(out)
    assert all((after - before) % LONG_PICTURE_ID == 1 for before, after in pairwise(ids))


@given(st.permutations(range(12)), st.integers(0, 2))
def test_every_picture_has_one_id_in_whatever_order_it_comes(order: list[int], wanted: int) -> None:
    thinning = Thinning(0.0)
    thinning.wanted = thinning.highest = wanted
    given_out = [out for number in order if (out := thinning.take(layer(40_000 + number), 100)) is not None]
    assert len(set(given_out)) == len(given_out)


def test_a_layer_comes_back_at_a_picture_that_needs_the_base_only() -> None:
    thinning = Thinning(0.0)
    thinning.wanted = thinning.highest = 0
    assert [thinning.take(layer(n), 1) is not None for n in range(4)] == [True, False, False, False]
    thinning.wanted = 3
    assert thinning.take(layer(7), 1) is None, "it needs what was left out"
    assert [thinning.take(layer(n), 1) is not None for n in range(8, 12)] == [True] * 4


def test_what_fits_is_chosen_by_the_layers_own_rates() -> None:
    thinning = Thinning(0.0)
    for number in range(30):
        thinning.take(layer(number), {0: 1600, 1: 800, 2: 800}[PATTERN[number % 4][0]])
    rates = 8 * 1600 * 8, 8 * 800 * 8
    for bps, wanted in ((1e6, 3), (rates[0] + rates[1] + 1000, 1), (rates[0] + 1000, 0), (10_000, 0)):
        fresh = Thinning(0.0)
        fresh._octets = list(thinning._octets)
        fresh.choose(bps, False, 1.0)
        assert fresh.wanted == wanted, bps
    thinning.choose(1e9, True, 1.0)
    assert thinning.wanted == 0, "what waits already is no time for more"


@given(st.binary(max_size=12))
def test_any_payload_is_read_as_the_whole_parser_reads_it(data: bytes) -> None:
    found = read_layer(data, 0, len(data))
    if found is not None:
        whole = parse_descriptor(data, 0, len(data))
        assert (whole.temporal_layer, whole.layer_sync, whole.picture_id) == found[:3]


@given(st.integers(0, 3), st.booleans(), st.integers(0, 0x7FFF), st.integers(0, 0x7FFF), st.booleans())
def test_a_picture_id_is_rewritten_in_place(number: int, sync: bool, before: int, after: int, index: bool) -> None:
    value = Vp8Descriptor(0, True, 0, False, before, 15, 9 if index else None, number, sync)
    data = bytearray(build_descriptor(value) + b"picture")
    found = read_layer(data, 0, len(data))
    assert found is not None
    write_picture_id(data, found.picture_id_at, after)
    again = parse_descriptor(data, 0, len(data))
    assert (again.picture_id, again.temporal_layer, again.layer_sync) == (after, number, sync)
    assert data.endswith(b"picture")
