"""Which address may carry a leg's media: only after a check with its password, and where the page says."""

from aioice import stun

from media.io.address import Address
from media.io.counters import Counters
from media.io.ice import ADDRESS_KEPT, MAX_PATHS, PATH_LIFETIME, AgentTable, Check, Credentials, IceAgent
from media.io.limits import FailureBuckets, InProgress
from media.io.paths import PacketSink, Path
from media.wire.buffer import PacketBuffer


class Sink:
    """A leg's transport that only remembers."""

    def __init__(self) -> None:
        self.lost_paths: list[Path] = []

    def receive_media(self, packet: PacketBuffer, now: float) -> None: ...

    def receive_dtls(self, path: Path, data: bytes, now: float) -> None: ...

    def lost(self, path: Path) -> None:
        self.lost_paths.append(path)


class FakePath:
    def __init__(self, number: int) -> None:
        self.address = Address(bytes([192, 0, 2, number]), 5000)
        self.source = self.address.packed
        self.transport = "udp4"
        self.owner: PacketSink | None = None
        self.checked_at = 0.0
        self.forgotten = False

    def send_packet(self, packet: PacketBuffer) -> None: ...

    def send_bytes(self, data: bytes) -> None: ...

    def forget(self) -> None:
        self.forgotten = True
        self.owner = None


class Leg:
    """An agent with its sink, and what became selected."""

    def __init__(self, table: AgentTable) -> None:
        self.sink = Sink()
        self.selected: list[Path] = []
        self.table = table
        self.silent = False
        self.agent = IceAgent(self.sink, table, self.selected.append, lambda now: self.silent)

    def check(self, path: FakePath, now: float, *, nominate: bool = False, by: Credentials | None = None) -> bool:
        """A page's check over the path; whether it was accepted."""
        by = by or self.agent.credentials
        data = binding_request(by, nominate=nominate)
        check = self.table.verify(data, path.source, now, known=path.owner is not None)
        if check is None or not self.table.may_use(check, path, now):
            return False
        check.agent.checked(path, check.request, now)
        return True


def binding_request(credentials: Credentials, *, nominate: bool = False, password: str = "") -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{credentials.ufrag}:page"
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity((password or credentials.password).encode())
    return bytes(message)


def test_the_first_verified_path_is_used_and_a_nomination_moves_the_leg_at_once() -> None:
    leg = Leg(AgentTable(Counters()))
    wifi, mobile = FakePath(1), FakePath(2)
    assert leg.check(wifi, 0.0)
    assert leg.check(mobile, 0.1)
    assert leg.agent.selected is wifi
    assert leg.check(mobile, 0.2, nominate=True)
    assert leg.selected == [wifi, mobile]
    assert leg.check(wifi, 0.3)
    assert leg.agent.selected is mobile, "a check alone does not move back"


def test_a_silent_leg_follows_the_first_check_on_a_new_path() -> None:
    leg = Leg(AgentTable(Counters()))
    wifi, backup, mobile = FakePath(1), FakePath(2), FakePath(3)
    for path in (wifi, backup):
        assert leg.check(path, 0.0)
    leg.silent = True
    assert leg.check(backup, 1.0)
    assert leg.agent.selected is wifi, "known before: the page would have nominated it"
    assert leg.check(mobile, 1.1)
    assert leg.agent.selected is mobile
    assert leg.check(wifi, 1.2)
    assert leg.agent.selected is mobile
    assert leg.check(wifi, 1.3, nominate=True)
    assert leg.agent.selected is wifi, "the page has the last word"


def test_a_wrong_password_verifies_nothing() -> None:
    counters = Counters()
    table = AgentTable(counters)
    leg = Leg(table)
    forged = binding_request(leg.agent.credentials, password="x" * 24)
    assert table.verify(forged, b"abcd", 0.0, known=False) is None
    assert counters.stun_bad_integrity == 1
    assert leg.agent.paths == []


def test_new_credentials_work_beside_the_old_until_they_are_used() -> None:
    table = AgentTable(Counters())
    leg = Leg(table)
    path, later = FakePath(1), FakePath(2)
    old = leg.agent.credentials
    assert leg.check(path, 0.0, nominate=True)
    unused = leg.agent.renew()
    new = leg.agent.renew()
    assert not leg.check(path, 1.0, by=unused)
    assert leg.check(path, 2.0, by=old)
    assert leg.check(later, 3.0, by=new, nominate=True)
    assert leg.agent.selected is later
    assert not leg.check(path, 4.0, by=old)
    assert len(table) == 1
    leg.agent.close()
    assert len(table) == 0
    assert path.forgotten
    assert later.forgotten


def test_paths_of_a_leg_are_bounded_and_the_selected_one_stays() -> None:
    counters = Counters()
    leg = Leg(AgentTable(counters))
    paths = [FakePath(i) for i in range(MAX_PATHS + 5)]
    for i, path in enumerate(paths):
        assert leg.check(path, float(i))
    assert leg.agent.selected is paths[0]
    assert len(leg.agent.paths) == MAX_PATHS
    assert [path.forgotten for path in paths[:7]] == [False] + [True] * 5 + [False]
    assert counters.paths_dropped == 5


def test_paths_without_checks_expire_except_the_selected_one() -> None:
    leg = Leg(AgentTable(Counters()))
    selected, other = FakePath(1), FakePath(2)
    leg.check(selected, 0.0)
    leg.check(other, 0.0)
    leg.agent.expire(PATH_LIFETIME + 1)
    assert leg.agent.paths == [selected]
    assert other.forgotten


def test_an_address_in_use_cannot_be_taken_by_another_leg() -> None:
    """A participant who can forge a source address must not cut another one off."""
    counters = Counters()
    table = AgentTable(counters)
    victim, attacker = Leg(table), Leg(table)
    path = FakePath(1)
    assert victim.check(path, 0.0)
    assert not attacker.check(path, 1.0, nominate=True)
    assert counters.stun_address_taken == 1
    assert path.owner is victim.sink
    assert attacker.check(path, ADDRESS_KEPT + 1), "left for long: it is free"
    assert victim.sink.lost_paths == [path]


def test_failures_of_one_source_cost_others_nothing() -> None:
    counters = Counters()
    table = AgentTable(counters, FailureBuckets(per_second=1, burst=3))
    leg = Leg(table)
    for _ in range(10):
        assert table.verify(b"\0" * 30, b"evil", 0.0, known=False) is None
    assert (counters.stun_malformed, counters.stun_limited) == (3, 7)
    good = binding_request(leg.agent.credentials)
    assert table.verify(good, b"evil", 0.0, known=False) is None
    assert isinstance(table.verify(good, b"good", 0.0, known=False), Check)
    assert isinstance(table.verify(good, b"evil", 0.0, known=True), Check), "a verified neighbour behind the same NAT"
    assert isinstance(table.verify(good, b"evil", 5.0, known=False), Check), "tokens come back"


def test_the_bucket_table_is_bounded() -> None:
    buckets = FailureBuckets(per_second=1, burst=2, capacity=100)
    for i in range(1000):
        buckets.failed(i.to_bytes(4, "big"), 0.0)
    assert len(buckets) == 100
    buckets.failed((999).to_bytes(4, "big"), 0.0)
    assert buckets.exhausted((999).to_bytes(4, "big"), 0.0)
    assert not buckets.exhausted((0).to_bytes(4, "big"), 0.0)


def test_things_in_progress_are_bounded_a_source_and_in_all() -> None:
    going = InProgress(a_source=2, total=3)
    assert [going.begin(b"a"), going.begin(b"a"), going.begin(b"a")] == [True, True, False]
    assert [going.begin(b"b"), going.begin(b"b")] == [True, False]
    going.end(b"a")
    assert going.begin(b"b")
    for source in (b"a", b"b", b"b"):
        going.end(source)
    assert going.count == 0
