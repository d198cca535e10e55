"""`callserver user …` and `callserver site …`: who may log in, and which shops may show the button.

They write to the store directly and may run beside the server.
"""

import argparse
import asyncio
import getpass
import re
import secrets
import sys
from collections.abc import Awaitable, Callable

from argon2 import PasswordHasher
from msgspec import structs

from callserver.config import Settings
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords
from signaling.http.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from signaling.http.tokens import api_key_hash, make_api_key
from signaling.policy import CallPolicy
from signaling.records import AgentAccount, Site

EXIT_REFUSED = 1
MAX_RETENTION_DAYS = 36_500

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ORIGIN = re.compile(r"https?://([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+(:\d{1,5})?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class AccountError(Exception):
    """What was asked cannot be done; the text says why."""


Action = Callable[[SqlRecords, argparse.Namespace], Awaitable[str]]


def run(action: str, settings: Settings, options: argparse.Namespace) -> int:
    """Perform one of ACTIONS on the store of these settings; print what it says."""
    try:
        print(asyncio.run(_with_store(settings, ACTIONS[action], options)))
    except AccountError as error:
        print(f"callserver: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return 0


async def _with_store(settings: Settings, action: Action, options: argparse.Namespace) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url or sqlite_url(settings.data_dir))
    try:
        await database.migrate()
        return await action(SqlRecords(database), options)
    finally:
        await database.close()


async def add_user(records: SqlRecords, options: argparse.Namespace) -> str:
    """Add an agent."""
    if await records.agent_by_login(options.login):
        raise AccountError(f"there is an agent with the login {options.login}")
    if not 0 < len(options.login) <= 200:
        raise AccountError("the login must have 1 to 200 characters")
    for site_id in options.site:
        if await records.site(site_id) is None:
            raise AccountError(f"there is no site {site_id}; add it first")
    _check_languages(options.language)
    password = _new_password(options.generate)
    account = AgentAccount(
        agent_id=secrets.token_hex(8),
        login=options.login,
        name=options.name or options.login,
        password_hash=PasswordHasher().hash(password),
        sites=tuple(options.site),
        languages=tuple(options.language),
        skills=tuple(options.skill),
        role=options.role,
    )
    await records.save_agent(account)
    return f"added {account.role} {account.login}" + (f"\npassword: {password}" if options.generate else "")


async def list_users(records: SqlRecords, options: argparse.Namespace) -> str:
    """All agents, one a line."""
    lines = [
        f"{agent.login}\t{agent.name}\t{agent.role}\tsites: {', '.join(agent.sites) or 'all'}"
        f"\tlanguages: {', '.join(agent.languages) or 'any'}"
        for agent in await records.agents()
    ]
    return "\n".join(lines) or "no agents yet; add one with `callserver user add`"


async def set_password(records: SqlRecords, options: argparse.Namespace) -> str:
    """Change a password and sign the agent out everywhere."""
    account = await records.agent_by_login(options.login)
    if account is None:
        raise AccountError(f"there is no agent with the login {options.login}")
    password = _new_password(options.generate)
    await records.save_agent(structs.replace(account, password_hash=PasswordHasher().hash(password)))
    await records.end_logins(account.agent_id)
    return f"changed the password of {account.login}" + (f"\npassword: {password}" if options.generate else "")


async def add_site(records: SqlRecords, options: argparse.Namespace) -> str:
    """Add a shop; its key and secret are shown now and never again."""
    if not _ID.fullmatch(options.id):
        raise AccountError("a site's id has 1 to 64 letters, digits, - and _")
    if await records.site(options.id):
        raise AccountError(f"there is a site {options.id}")
    for origin in options.origin:
        if not _ORIGIN.fullmatch(origin):
            raise AccountError(f"{origin} is no origin; expected scheme and host only, e.g. https://shop.example")
    _check_languages([options.language])
    key, secret = make_api_key(), secrets.token_urlsafe(32)
    origins = tuple(origin.lower() for origin in options.origin)
    name = options.name or options.id
    await records.save_site(Site(options.id, name, origins, secret, api_key_hash(key), options.language))
    return f"added site {options.id}\nAPI key (for your back end): {key}\nidentity secret (signs customers): {secret}"


async def set_site(records: SqlRecords, options: argparse.Namespace) -> str:
    """Change a shop's policy; calls that are under way keep theirs."""
    site = await records.site(options.id)
    if site is None:
        raise AccountError(f"there is no site {options.id}; add it first")
    if options.default:
        await records.save_site(structs.replace(site, policy=None))
        return f"site {site.site_id} follows the server's settings"
    if options.retention_days is not None and not 0 < options.retention_days <= MAX_RETENTION_DAYS:
        raise AccountError(f"recordings are kept more than 0 and at most {MAX_RETENTION_DAYS} days")
    changed = {name: getattr(options, name) for name in ("recording", "consent", "retention_days")}
    for name in ("announce", "audio_only", "waiting_music"):
        value = getattr(options, name)
        changed[name] = None if value is None else value == "yes"
    given = {name: value for name, value in changed.items() if value is not None}
    policy = structs.replace(site.policy or CallPolicy(), **given)
    await records.save_site(structs.replace(site, policy=policy))
    lines = (f"{name}: {value}" for name, value in structs.asdict(policy).items())
    return "\n".join([f"site {site.site_id}", *lines])


async def list_sites(records: SqlRecords, options: argparse.Namespace) -> str:
    """All shops, one a line."""
    lines = [
        f"{site.site_id}\t{site.name}\t{site.default_language}\t{', '.join(site.origins) or 'our own pages only'}"
        for site in await records.sites()
    ]
    return "\n".join(lines) or "no sites yet; add one with `callserver site add`"


ACTIONS: dict[str, Action] = {
    "add_user": add_user,
    "list_users": list_users,
    "set_password": set_password,
    "add_site": add_site,
    "set_site": set_site,
    "list_sites": list_sites,
}


def _check_languages(tags: list[str]) -> None:
    for tag in tags:
        if not _LANGUAGE.fullmatch(tag):
            raise AccountError(f"{tag} is no language tag; expected e.g. en or pt-BR")


def _new_password(generate: bool) -> str:
    """A made password, the one typed twice, or one line of standard input where there is no terminal."""
    if generate:
        return secrets.token_urlsafe(12)
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass.getpass("password: ")
        if getpass.getpass("again: ") != password:
            raise AccountError("the two passwords differ")
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise AccountError(f"a password must have {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters")
    return password
