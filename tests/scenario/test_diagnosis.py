"""Calls with known faults in virtual time, and what the verdict says of them."""

from collections import Counter

from tests.sim.diagnosis import ROLES, Case, Found, cases, devices, diagnose, judge, play, wide_uplinks


def _both(case: Case) -> list[Found]:
    """One call, judged with what pages say of themselves and without it."""
    run = play(case)
    return [judge(case, run, pages=pages) for pages in (True, False)]


def test_known_faults_are_diagnosed() -> None:
    """95 of 100 right: the weightiest verdict names side, direction and kind of the fault, and a call without a fault
    has none. Every fault at either side, strength and seed by chance, where pages say something of themselves and where
    they do not; more of them, over real links, are `callserver drill --suite diagnosis`."""
    found = [one for case in cases(seed=11, rounds=1) for one in _both(case)]
    for side in ROLES:
        faults = list(devices(side))
        run = play(max(faults, key=lambda case: case.seconds))
        found += [judge(case, run, pages=True) for case in faults]
        found += [judge(case, run, pages=False) for case in faults if case.truth in ("", "silent", "overload")]
    assert len(found) == 60
    wrong = [(one.case, one.pages, one.main) for one in found if not one.right]
    assert len(wrong) <= 0.05 * len(found), wrong
    kinds = Counter(one.case.truth for one in found)
    assert min(kinds.values()) >= 2


def test_a_fault_is_told_within_five_seconds() -> None:
    found = diagnose(Case("customer", "loss.up", up="delay=40,loss=20", down="delay=40", seconds=5.0))
    assert found.main == "customer loss.up"


def test_an_uplink_that_becomes_narrow_is_no_loss_in_rows() -> None:
    """Said within three seconds and as what it is, before its queue overflows and afterwards; loss stays loss."""
    found = [one for case in wide_uplinks(seed=5, rounds=1) for one in _both(case)]
    assert [(one.case.up, one.pages, one.main) for one in found if not one.right] == []
    narrow = [one for one in found if one.case.truth == "rate.up"]
    assert [one.first_said for one in narrow if one.first_said > (3.0, f"{one.case.side} rate.up")] == []


def test_what_the_server_did_is_told() -> None:
    (verdict,) = diagnose(Case("agent", "loss.down", down="delay=40,loss=20", up="delay=40")).verdicts
    assert {"repair", "copies"} <= set(verdict.did)
    assert verdict.heard_by == ("agent",)
    found = diagnose(Case("customer", "rate.down", down="delay=40,rate=80k", up="delay=40", seconds=12.0))
    (verdict,) = [verdict for verdict in found.verdicts if verdict.name == "rate.down"]
    assert found.first_said <= (3.0, "customer rate.down")
    assert "paused" in verdict.did
    assert verdict.tell == "verdict.tell.weak_down"
