"""TURN servers for clients that cannot reach the media port: coturn's time-limited credentials.

username = `<expiry, Unix seconds>:<name>`, credential = base64(HMAC-SHA1(shared secret, username)), as in
draft-uberti-behave-turn-rest-00 section 2.2 (coturn: `use-auth-secret`).
"""

import base64
import hashlib
import hmac
from typing import Any

from core import clock
from core.settings import Settings

LIFE = 6 * 3600  # seconds: longer than any visit


def ice_servers(settings: Settings, name: str) -> list[dict[str, Any]]:
    """The `ice_servers` of `welcome`; `name` tells whose credentials they are (an id)."""
    urls = list(settings.split("turn_urls"))
    if not urls or settings.turn_secret is None:
        return []
    username = f"{int(clock.now().timestamp()) + LIFE}:{name}"
    secret = settings.turn_secret.get_secret_value().encode()
    credential = base64.b64encode(hmac.new(secret, username.encode(), hashlib.sha1).digest()).decode()
    return [{"urls": urls, "username": username, "credential": credential}]
