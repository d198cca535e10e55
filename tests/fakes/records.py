"""Records in memory. Everything is kept encoded: nothing is shared with the writer, and all of it fits a column."""

from collections.abc import Sequence

import msgspec

from signaling.protocol import AgentStatus, ChatItem
from signaling.records import (
    AgentAccount,
    CallEvent,
    CallFilter,
    CallState,
    Change,
    OpenState,
    Recording,
    SessionState,
    Site,
    Still,
)

_encode = msgspec.json.encode


class MemoryStore:
    """The facts, without awaiting; `MemoryRecords` is the repository over them."""

    def __init__(self) -> None:
        self.calls: dict[str, bytes] = {}
        self.events: dict[str, list[CallEvent]] = {}
        self.sessions: dict[str, bytes] = {}
        self.chats: dict[str, list[bytes]] = {}
        self.statuses: dict[str, AgentStatus] = {}
        self.claims: dict[str, str] = {}
        """Agent id by call id."""
        self.accounts: dict[str, AgentAccount] = {}
        self.site_rows: dict[str, Site] = {}
        self.tickets: set[str] = set()
        self.recordings: dict[str, Recording] = {}
        self.stills: dict[str, Still] = {}
        self.photos: dict[str, tuple[str, bytes]] = {}

    def write(self, change: Change) -> None:
        for call in change.calls:
            self.calls[call.call_id] = _encode(call)
            if call.phase == "ended":
                self.claims.pop(call.call_id, None)
        for event in change.events:
            history = self.events.setdefault(event.call_id, [])
            assert event.sequence == len(history) + 1, "a call's history has no gap and no double"
            history.append(event)
        for session in change.sessions:
            self.sessions[session.session_id] = _encode(session)
        for session_id in change.closed_sessions:
            self.sessions.pop(session_id, None)
        for call_id, item in change.chats:
            rows = self.chats.setdefault(call_id, [])
            ids = [(known.sender, known.id) for known in self.chat(call_id)]
            if (item.sender, item.id) in ids:
                rows[ids.index((item.sender, item.id))] = _encode(item)
            else:
                rows.append(_encode(item))
        self.recordings |= {recording.recording_id: recording for recording in change.recordings}
        self.stills |= {still.still_id: still for still in change.stills}
        self.statuses.update(change.agent_status)

    def claim(self, call_id: str, agent_id: str) -> bool:
        if call_id not in self.calls or self.call(call_id).phase == "ended":
            return False
        if call_id in self.claims or agent_id in self.claims.values():
            return False
        self.claims[call_id] = agent_id
        return True

    def release(self, call_id: str) -> None:
        self.claims.pop(call_id, None)

    def call(self, call_id: str) -> CallState:
        return msgspec.json.decode(self.calls[call_id], type=CallState)

    def chat(self, call_id: str) -> list[ChatItem]:
        return [msgspec.json.decode(item, type=ChatItem) for item in self.chats.get(call_id, [])]

    def names(self, call_id: str) -> list[str]:
        """The call's history in words."""
        return [event.name for event in self.events.get(call_id, [])]

    def load_open(self) -> OpenState:
        calls = [self.call(call_id) for call_id in self.calls]
        return OpenState(
            [call for call in calls if call.phase != "ended"],
            [msgspec.json.decode(session, type=SessionState) for session in self.sessions.values()],
            {call.call_id: self.chat(call.call_id) for call in calls},
            dict(self.statuses),
            {
                call.call_id: [still for still in self.stills.values() if still.call_id == call.call_id]
                for call in calls
            },
        )


class MemoryRecords:
    """signaling.records.Records over a MemoryStore. `failing` makes that many writes fail."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.failing = 0
        self.writes = 0

    async def write(self, change: Change) -> None:
        self.writes += 1
        if self.failing:
            self.failing -= 1
            raise OSError("no space left on device")
        self.store.write(change)

    async def claim(self, call_id: str, agent_id: str, epoch: int) -> bool:
        return self.store.claim(call_id, agent_id)

    async def release(self, call_id: str) -> None:
        self.store.release(call_id)

    async def load_open(self) -> OpenState:
        return self.store.load_open()

    async def list_calls(self, wanted: CallFilter) -> list[CallState]:
        calls = sorted(map(self.store.call, self.store.calls), key=lambda call: -call.created_at)
        return [
            call
            for call in calls
            if (not wanted.site_ids or call.site_id in wanted.site_ids)
            and (not wanted.agent_id or call.agent_id == wanted.agent_id)
            and (not wanted.phase or call.phase == wanted.phase)
            and (wanted.before is None or call.created_at < wanted.before)
        ][: wanted.limit]

    async def get_call(self, call_id: str) -> tuple[CallState, list[CallEvent], list[ChatItem]] | None:
        if call_id not in self.store.calls:
            return None
        return self.store.call(call_id), self.store.events.get(call_id, []), self.store.chat(call_id)

    async def sites(self) -> Sequence[Site]:
        return list(self.store.site_rows.values())

    async def site(self, site_id: str) -> Site | None:
        return self.store.site_rows.get(site_id)

    async def save_site(self, site: Site) -> None:
        self.store.site_rows[site.site_id] = site

    async def agent_by_login(self, login: str) -> AgentAccount | None:
        return next((account for account in self.store.accounts.values() if account.login == login), None)

    async def agent(self, agent_id: str) -> AgentAccount | None:
        return self.store.accounts.get(agent_id)

    async def save_agent(self, account: AgentAccount) -> None:
        self.store.accounts[account.agent_id] = account

    async def use_ticket(self, ticket_id: str, expires_at: float) -> bool:
        used = ticket_id in self.store.tickets
        self.store.tickets.add(ticket_id)
        return not used

    async def save_photo(self, photo_id: str, call_id: str, content: bytes, width: int, height: int) -> None:
        self.store.photos[photo_id] = (call_id, content)

    async def delete_photo(self, photo_id: str) -> None:
        self.store.photos.pop(photo_id, None)

    async def photo(self, photo_id: str) -> tuple[str, bytes] | None:
        return self.store.photos.get(photo_id)
