"""What a socket may say to its room, from the bus to an item of the room's queue. Pure.

The messages were checked by `signaling.messages` before they were sent here.
"""

from collections.abc import Callable

from rooms.actions import Acted, Detached, Devices, Help, KeyTold, Looks, Message, SecretGiven
from rooms.items import Answer, Item, Restart, Seen


def _answer(conn: str, message: Message) -> Item:
    return Answer(conn, message["offer"], message["sdp"])


def _restart(conn: str, message: Message) -> Item:
    """Only who made the offer (WHIP, WHEP) names credentials."""
    return Restart(conn, (message["ufrag"], message["password"]) if "ufrag" in message else None)


def _devices(conn: str, message: Message) -> Item:
    return Devices(conn, message["camera"], message["microphone"])


def _help(conn: str, message: Message) -> Item:
    return Help(conn, message["text"])


def _seen(conn: str, message: Message) -> Item:
    return Seen(conn, message["frozen_ms"], message["concealed"])


def _look(conn: str, message: Message) -> Item:
    return Looks(conn, message["sound"], message["pictures"])


def _key(conn: str, message: Message) -> Item:
    return KeyTold(conn, message["commit"], message["public"])


def _secret(conn: str, message: Message) -> Item:
    return SecretGiven(conn, message["seat"], message["box"])


def _act(conn: str, message: Message) -> Item:
    return Acted(
        conn,
        message["id"],
        message["act"],
        seat=message.get("seat") or "",
        code=message.get("warning") or message.get("reason") or "",
        text=message.get("text") or "",
        aloud=bool(message.get("aloud")),
        minutes=int(message.get("minutes") or 0),
    )


def _bye(conn: str, _message: Message) -> Item:
    return Detached(conn, bye=True)


_ITEMS: dict[str, Callable[[str, Message], Item]] = {
    "answer": _answer,
    "restart": _restart,
    "devices": _devices,
    "help": _help,
    "seen": _seen,
    "look": _look,
    "key": _key,
    "secret": _secret,
    "act": _act,
    "bye": _bye,
}


def item(conn: str, message: Message) -> Item | None:
    """`None` for a type that no room knows."""
    make = _ITEMS.get(message["type"])
    return make(conn, message) if make is not None else None
