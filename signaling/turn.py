"""TURN servers for clients that cannot reach the media port: coturn's time-limited credentials.

username = `<expiry, Unix seconds>:<name>`, credential = base64(HMAC-SHA1(shared secret, username)), as in
draft-uberti-behave-turn-rest-00 section 2.2 (coturn: `use-auth-secret`).
"""

import asyncio
import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint

from core import clock
from core.errors import Misconfigured
from core.settings import Settings

LIFE = 6 * 3600  # seconds: longer than any visit
_ANSWER_WITHIN = 5.0  # seconds
_URL = re.compile(r"(turns?):(\[[0-9a-fA-F:.]+\]|[^\[\]:?/]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?")
_PORTS = {"turn": 3478, "turns": 5349}


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One TURN URL (RFC 7065)."""

    host: str
    port: int
    transport: str  # "udp" or "tcp"
    tls: bool


def parse(url: str) -> TurnServer:
    """Raises `Misconfigured` for what is no TURN URL, or one that browsers do not take."""
    match = _URL.fullmatch(url)
    if match is None:
        raise Misconfigured(problem=f"KINBRIDGE_TURN_URLS: {url!r} is no TURN URL")
    scheme, host, port, transport = match.groups()
    tls = scheme == "turns"
    if tls and transport == "udp":
        raise Misconfigured(problem=f"KINBRIDGE_TURN_URLS: {url!r}: no browser speaks DTLS to TURN, use tcp")
    return TurnServer(
        host.strip("[]"), int(port or _PORTS[scheme]), transport or ("tcp" if tls else "udp"), tls
    )


def ice_servers(settings: Settings, name: str) -> list[dict[str, Any]]:
    """The `ice_servers` of `welcome`; `name` tells whose credentials they are (an id)."""
    urls = list(settings.split("turn_urls"))
    if not urls or settings.turn_secret is None:
        return []
    username = f"{int(clock.now().timestamp()) + LIFE}:{name}"
    secret = settings.turn_secret.get_secret_value().encode()
    credential = base64.b64encode(hmac.new(secret, username.encode(), hashlib.sha1).digest()).decode()
    return [{"urls": urls, "username": username, "credential": credential}]


async def ask(settings: Settings) -> dict[str, str]:
    """Asks every configured server for a relay, with credentials as a browser gets them, and gives it back at once.

    What is wrong, by URL; "" where nothing is. Raises `Misconfigured`.
    """
    found = {}
    for given in ice_servers(settings, "doctor"):
        for url in given["urls"]:
            found[url] = await _ask(parse(url), given["username"], given["credential"])
    return found


async def _ask(server: TurnServer, username: str, credential: str) -> str:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            relay, _ = await create_turn_endpoint(
                asyncio.DatagramProtocol,
                (server.host, server.port),
                username,
                credential,
                ssl=server.tls or None,
                transport=server.transport,
            )
    except TimeoutError:
        return "no answer"
    except TransactionFailed as refused:
        code, words = refused.response.attributes.get("ERROR-CODE", (0, "refused"))
        return f"{code} {words}" + (" (is the secret the same?)" if code == 401 else "")
    except OSError as error:
        return error.strerror or str(error)
    relay.close()
    return ""
