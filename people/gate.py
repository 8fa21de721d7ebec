"""How often a door may be tried. Nothing here can be used to shut a stranger out of their own account.

A try is counted against *where it comes from*: the account on a browser it is known on, or else the account
and the network together. Another's guesses spend another's budget. What is counted per account alone is
only what a stranger cannot reach: tries after the right password. The one exception is the number of
messages a telephone may get from browsers it does not know, which protects the telephone's owner.
"""

from core.db import Session
from people import known
from people.means import Caller, Means

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


async def _place(session: Session, caller: Caller, account_id: str | None) -> tuple[str, bool]:
    """Against what the caller's tries are counted, and whether the browser is known to the account."""
    if await known.is_known(session, account_id, caller.device):
        return f"{account_id}:known:{caller.device}", True
    return caller.network_group, False


async def code_request(
    session: Session, means: Means, caller: Caller, phone: str, account_id: str | None
) -> None:
    """Before a message is sent to `phone`. Raises `TooMany`."""
    place, is_known = await _place(session, caller, account_id)
    await means.limiter.hit(f"code:{phone}:{place}", 4, _HOUR)
    if is_known:
        return
    await means.limiter.hit(f"code:net:{place}", 120, _HOUR)  # a village may share one address
    await means.limiter.hit(f"code:{phone}", 12, _HOUR)
    await means.limiter.hit(f"code:{phone}:day", 30, _DAY)


async def code_try(means: Means, code_id: str) -> None:
    """Five tries for a code; the code belongs to the browser that asked, so only it can spend them."""
    await means.limiter.hit(f"code-try:{code_id}", 5, 10 * _MINUTE)


def _password_key(account: str, place: str) -> str:
    return f"password:{account}:{place}"


async def password_try(
    session: Session, means: Means, caller: Caller, account: str, account_id: str | None
) -> None:
    """`account` is the name that was typed, whether or not it exists."""
    place, is_known = await _place(session, caller, account_id)
    await means.limiter.hit(_password_key(account, place), 10, 15 * _MINUTE)
    if not is_known:
        await means.limiter.hit(f"password:net:{place}", 100, 15 * _MINUTE)


async def password_passed(
    session: Session, means: Means, caller: Caller, account: str, account_id: str
) -> None:
    """The right one was given: earlier slips at this place are forgotten."""
    place, _ = await _place(session, caller, account_id)
    await means.limiter.clear(_password_key(account, place))


async def second_try(
    session: Session, means: Means, caller: Caller, pending_id: str, account_id: str
) -> None:
    """Only who gave the right password gets here, so the account itself may be counted."""
    await means.limiter.hit(f"second:{pending_id}", 5, 10 * _MINUTE)
    place, is_known = await _place(session, caller, account_id)
    if is_known:
        await means.limiter.hit(f"second:{place}", 20, _HOUR)
    else:
        await means.limiter.hit(f"second:{account_id}", 40, _DAY)


async def anonymous_try(means: Means, caller: Caller, door: str, limit: int = 30) -> None:
    """For doors that are opened by a long random value: per network and 15 minutes."""
    await means.limiter.hit(f"{door}:{caller.network_group}", limit, 15 * _MINUTE)


async def match_try(means: Means, caller: Caller, account_id: str) -> None:
    """Naming an inmate: an account may err, but not search."""
    await means.limiter.hit(f"match:{account_id}", 10, _HOUR)
    await means.limiter.hit(f"match:{account_id}:day", 20, _DAY)
    await means.limiter.hit(f"match:net:{caller.network_group}", 60, _HOUR)
