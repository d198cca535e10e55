"""Everything we sign: tickets, invitations to a call, photo tokens, identities. One secret, one derived key a purpose.

A ticket (JWT, HS256; RFC 7519) is good for a minute, for one WebSocket, from the origin it was given to, once.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

import jwt
import msgspec

from signaling.admission import Admission
from signaling.protocol import MAX_TICKET_CHARACTERS, IceServer, Person

TICKET_LIFETIME = 60.0
INVITATION_LIFETIME = 24 * 3600.0
"""Seconds for which a link to a call that a shop created may be opened (it travels by mail or message)."""

MAX_TOKEN_CHARACTERS = MAX_TICKET_CHARACTERS
PHOTO_PREFIX = "csp_"
API_KEY_PREFIX = "csk_"

_AUDIENCE_WEBSOCKET = "callserver:websocket"
_AUDIENCE_INVITATION = "callserver:invitation"


class TokenError(Exception):
    """A token that is not ours, not for this, or not valid any more. The text may be shown to the client."""


class Ticket(msgspec.Struct, frozen=True):
    """A verified ticket; whether it was used before is the store's to say."""

    ticket_id: str
    expires_at: float
    admission: Admission


class Invitation(msgspec.Struct, frozen=True):
    """Who may join a call that a shop's back end created."""

    site_id: str
    call_id: str
    person: Person = Person()
    customer_id: str = ""


class Tokens:
    """Makes and checks tokens. `clock` is wall time in seconds."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        if len(secret) < 32:
            raise ValueError("the secret key must have at least 32 bytes")
        self._secret = secret
        self._clock = clock

    def make_ticket(self, admission: Admission) -> tuple[str, float]:
        """(ticket, when it expires). Raise TokenError if it would be too long (its context is)."""
        expires_at = self._clock() + TICKET_LIFETIME
        return self._sign(_AUDIENCE_WEBSOCKET, expires_at, admission), expires_at

    def read_ticket(self, token: str, origin: str) -> Ticket:
        """Check signature, audience, expiry and origin; raise TokenError."""
        claims = self._verify(_AUDIENCE_WEBSOCKET, token)
        ticket = Ticket(claims["jti"], claims["exp"], _convert(claims, Admission))
        if ticket.admission.origin != origin:
            raise TokenError("the ticket was given to another origin")
        return ticket

    def make_invitation(self, invitation: Invitation) -> str:
        """The token in the link that a customer opens."""
        return self._sign(_AUDIENCE_INVITATION, self._clock() + INVITATION_LIFETIME, invitation)

    def read_invitation(self, token: str) -> Invitation:
        invitation: Invitation = _convert(self._verify(_AUDIENCE_INVITATION, token), Invitation)
        return invitation

    def make_photo_token(self, session_id: str) -> str:
        """Bearer for the photos of a session's call; lives and dies with the session."""
        return f"{PHOTO_PREFIX}{session_id}.{self._mac('photo', session_id)}"

    def read_photo_token(self, token: str) -> str:
        """The session id; raise TokenError."""
        session_id, _, mac = token.removeprefix(PHOTO_PREFIX).rpartition(".")
        if not session_id or not hmac.compare_digest(mac.encode(), self._mac("photo", session_id).encode()):
            raise TokenError("not a photo token of this server")
        return session_id

    def _sign(self, audience: str, expires_at: float, content: msgspec.Struct) -> str:
        claims = {
            "aud": audience,
            "exp": expires_at,
            "jti": secrets.token_urlsafe(16),
            "content": msgspec.to_builtins(content),
        }
        token = jwt.encode(claims, self._key(audience), algorithm="HS256")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError("the context is too long for a ticket; send it in call.start")
        return token

    def _verify(self, audience: str, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError("the token is too long")
        options: Any = {"require": ["exp", "jti", "aud"], "verify_exp": False, "verify_iat": False}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key(audience), algorithms=["HS256"], audience=audience, options=options
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenError("the token is not valid here") from error
        if not claims["exp"] > self._clock():
            raise TokenError("the token has expired")
        return claims

    def _key(self, purpose: str) -> bytes:
        return hmac.digest(self._secret, purpose.encode(), "sha256")

    def _mac(self, purpose: str, text: str) -> str:
        mac = hmac.digest(self._key(purpose), text.encode(errors="surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(mac[:24]).decode()


def _convert(claims: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(claims.get("content"), kind)
    except msgspec.ValidationError as error:  # signed by us, but an older version of us
        raise TokenError("the token is of another version") from error


def identity_hash(secret: str, user_id: str, name: str) -> str:
    """What a shop signs about its user: hex HMAC-SHA256 of id, line feed, name, with the site's secret."""
    return hmac.digest(secret.encode(), f"{user_id}\n{name}".encode(), "sha256").hex()


def identity_holds(secret: str, user_id: str, name: str, claimed: str) -> bool:
    """Whether the shop with this secret vouched for the user. Never without a secret."""
    expected = identity_hash(secret, user_id, name).encode()
    return bool(secret) and hmac.compare_digest(expected, claimed.lower().encode(errors="replace"))


def make_api_key() -> str:
    """A new API key for a shop's back end; only its hash is stored."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def api_key_hash(key: str) -> str:
    """SHA-256, hex. The key is random and long, so nothing slower is needed."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def turn_servers(urls: tuple[str, ...], secret: str, session_id: str, expires_at: float) -> list[IceServer]:
    """Credentials of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00 §2.2): `expiry:user`, HMAC-SHA1."""
    if not urls:
        return []
    username = f"{int(expires_at)}:{session_id}"
    credential = base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()
    return [IceServer(list(urls), username, credential)]
