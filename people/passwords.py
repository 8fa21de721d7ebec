"""Passwords by Argon2id. Verification costs the same whether or not there is an account."""

import asyncio
import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's equivalent of RFC 9106's second choice for a server that answers many: 46 MiB, one pass, one lane.
_HASHER = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)


@functools.cache
def _nobodys() -> str:
    """A hash that no password fits in practice; stands in where there is no account."""
    return _HASHER.hash("nobody has this password, and it is public")


async def hashed(password: str) -> str:
    """In a thread: it takes tens of milliseconds on purpose."""
    return await asyncio.to_thread(_HASHER.hash, password)


def _fits(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


async def fits(kept: str | None, password: str) -> bool:
    """Whether `password` belongs to the hash; with `None` as much work is done, and the answer is no."""
    compared = await asyncio.to_thread(_nobodys) if kept is None else kept
    answer = await asyncio.to_thread(_fits, compared, password)
    return answer and kept is not None
