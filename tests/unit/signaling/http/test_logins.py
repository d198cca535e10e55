import asyncio

from signaling.http.callers import LOGIN_LIFETIME
from tests.fakes.website import STRANGER, Website


async def try_password(site: Website, password: str, login: str = "anna", **headers: str) -> int:
    return (await site.ask("POST", "/api/v1/login", {"login": login, "password": password}, headers or None))[0]


async def test_log_in_look_and_log_out(site: Website) -> None:
    headers = await site.log_in()
    assert await site.ask("GET", "/api/v1/me", headers=headers) == (
        200,
        {"agent": {"agent_id": "a1", "name": "Anna", "role": "agent"}},
    )
    assert (await site.ask("POST", "/api/v1/logout", headers=headers))[0] == 204
    assert (await site.ask("GET", "/api/v1/me", headers=headers))[0] == 401


async def test_the_cookie_is_not_for_scripts_and_other_pages(site: Website) -> None:
    body = {"login": "anna", "password": "a good password"}
    secure = {"Origin": "https://calls.example", "Host": "calls.example", "X-Forwarded-Proto": "https"}
    async with site.http.post(site.url + "/api/v1/login", json=body, headers=secure) as response:
        cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-callserver=")
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(cookie.split("; "))
    async with site.http.post(site.url + "/api/v1/login", json=body, headers={"Origin": site.url}) as response:
        assert "Secure" not in response.headers["Set-Cookie"]


async def test_a_login_ends_after_twelve_idle_hours_and_not_before(site: Website) -> None:
    headers = await site.log_in()
    for _ in range(3):
        site.clock.advance(LOGIN_LIFETIME - 60)
        assert (await site.ask("GET", "/api/v1/me", headers=headers))[0] == 200
    site.clock.advance(LOGIN_LIFETIME + 1)
    assert (await site.ask("GET", "/api/v1/me", headers=headers))[0] == 401


async def test_wrong_passwords_and_unknown_logins_get_the_same_answer(site: Website) -> None:
    wrong = await site.ask("POST", "/api/v1/login", {"login": "anna", "password": "wrong"})
    assert wrong == await site.ask("POST", "/api/v1/login", {"login": "nobody", "password": "wrong"})
    assert wrong[0] == 401


async def test_guessing_is_slowed_down_by_login_even_from_many_addresses(site: Website) -> None:
    tried = [await try_password(site, "wrong", **{"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(8)]
    assert tried == [401] * 6 + [429] * 2
    assert await try_password(site, "a good password") == 429
    site.clock.advance(120)
    assert await try_password(site, "a good password") == 200


async def test_guessing_is_slowed_down_by_address_even_with_many_logins(site: Website) -> None:
    tried = [await try_password(site, "wrong", f"login{n}", **STRANGER) for n in range(13)]
    assert tried == [401] * 11 + [429] * 2
    assert await try_password(site, "wrong", "x", **{"X-Forwarded-For": "198.51.100.1"}) == 401


async def test_a_hundred_guesses_at_once_are_not_one(site: Website) -> None:
    tried = await asyncio.gather(*(try_password(site, "wrong") for _ in range(100)))
    assert tried.count(401) <= 6
    assert set(tried) == {401, 429}


async def test_logging_in_is_for_our_own_pages(site: Website) -> None:
    assert await try_password(site, "a good password", Origin="https://evil.example") == 403


async def test_a_hash_that_is_none_is_no_open_door(site: Website) -> None:
    assert not await site.shared.passwords.check("x", "1", "", "")
    assert not await site.shared.passwords.check("x", "2", "plain", "plain")
