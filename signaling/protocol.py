"""One socket's side of docs/protocol.md, without input or output: frames and events in, effects out. Pure.

Time is given with each call, in monotonic seconds. The order of life:

    HELLO     nothing was said yet; only `hello` is understood
    ENTERING  the ticket is being redeemed, the room looked for
    OPEN      messages go to the room and come from it
    CLOSED    nothing more happens
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from signaling import messages
from signaling.faults import FAULTS, NORMAL
from signaling.messages import BadMessageError, Message

HELLO_WITHIN = 10.0  # seconds
SILENT_AFTER = 15.0  # seconds without a frame
NODE_SILENT_AFTER = 3.0  # seconds without a sign of life of the node
MOST_MESSAGES, MOST_WITHIN = 50, 5.0
BAD_MESSAGES_BORNE = 3
BAD_SDP_BORNE = 2


class Stage(Enum):
    HELLO = "hello"
    ENTERING = "entering"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Send:
    """A message for the client; texts are still `words.say`."""

    message: Message


@dataclass(frozen=True, slots=True)
class Close:
    code: int


@dataclass(frozen=True, slots=True)
class Redeem:
    """The ticket is to be redeemed and the room's node found; answered by `entered` or `refused`. `video`: the
    codings of pictures that the client can do."""

    ticket: str
    video: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """To the room."""

    message: Message


Effect = Send | Close | Redeem | Forward
_Handler = Callable[[Message], list[Effect]]


class Protocol:
    """Feed it; do what it answers, in order. After a `Close` it answers nothing more."""

    def __init__(self, now: float) -> None:
        self.stage = Stage.HELLO
        self._since = now
        self._heard = now
        self._node_heard = now
        self._arrivals: deque[float] = deque()
        self._bad_messages = 0
        self._bad_sdp = 0
        self._take: dict[str, _Handler] = {
            "hello": self._hello,
            "ping": self._ping,
            "bye": self._bye,
        }

    # From the client

    def frame(self, data: str | bytes, now: float) -> list[Effect]:
        """A frame; binary ones are bad messages."""
        if self.stage is Stage.CLOSED:
            return []
        self._heard = now
        size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
        if size > messages.MAX_BYTES:
            return self.fail("message-too-large")
        if self._too_many(now):
            return self.fail("too-many")
        try:
            if isinstance(data, bytes):
                raise BadMessageError("a binary frame")  # noqa: TRY301 - one place answers all of them
            message = messages.parse(data)
            if (message["type"] == "hello") is not (self.stage is Stage.HELLO):
                raise BadMessageError("not now")  # noqa: TRY301 - as above
        except BadMessageError:
            return self._bad_message()
        return self._take.get(message["type"], self._forward)(message)

    def _too_many(self, now: float) -> bool:
        self._arrivals.append(now)
        while self._arrivals[0] <= now - MOST_WITHIN:
            self._arrivals.popleft()
        return len(self._arrivals) > MOST_MESSAGES

    def _bad_message(self) -> list[Effect]:
        self._bad_messages += 1
        if self._bad_messages > BAD_MESSAGES_BORNE:
            return self.fail("bad-message")
        return [Send(_error("bad-message", fatal=False))]

    def _hello(self, message: Message) -> list[Effect]:
        if message["version"] != messages.VERSION:
            return self.fail("bad-message")
        self.stage = Stage.ENTERING
        return [Redeem(message["ticket"], tuple(message["video"]))]

    def _ping(self, message: Message) -> list[Effect]:
        return [Send({"type": "pong", "at": message["at"]})]

    def _bye(self, message: Message) -> list[Effect]:
        effects = self._forward(message)
        self.stage = Stage.CLOSED
        return [*effects, Close(NORMAL)]

    def _forward(self, message: Message) -> list[Effect]:
        # What is said while the room is still looked for is lost: no client does that before `welcome`.
        return [Forward(message)] if self.stage is Stage.OPEN else []

    # From the endpoint

    def entered(self, now: float) -> None:
        """The ticket was good, and the room's node is being told now. May be called again for another node."""
        if self.stage in (Stage.ENTERING, Stage.OPEN):
            self.stage, self._node_heard = Stage.OPEN, now

    def fail(self, code: str) -> list[Effect]:
        """Ends the connection with an error of the table; an unknown code is our own fault."""
        if self.stage is Stage.CLOSED:
            return []
        self.stage = Stage.CLOSED
        fault = FAULTS.get(code, FAULTS["internal"])
        return [Send(_error(fault.code, fatal=True)), Close(fault.close)]

    def tick(self, now: float) -> list[Effect]:
        """Time has passed; at least twice a second."""
        for stages, since, limit, code in (
            ((Stage.HELLO,), self._since, HELLO_WITHIN, "hello-late"),
            ((Stage.ENTERING, Stage.OPEN), self._heard, SILENT_AFTER, "silent"),
            ((Stage.OPEN,), self._node_heard, NODE_SILENT_AFTER, "room-moved"),
        ):
            if self.stage in stages and now - since > limit:
                return self.fail(code)
        return []

    # From the room's node

    def from_node(self, told: Message, now: float) -> list[Effect]:
        """A message of `conn:<conn>`; see `rooms.host`."""
        self._node_heard = now
        if self.stage is not Stage.OPEN:
            return []
        if told["op"] == "send":
            return self._send(told["message"])
        if told["op"] == "close":
            if told["code"] == "ended":  # `ended` was sent before
                self.stage = Stage.CLOSED
                return [Close(NORMAL)]
            return self.fail(told["code"])
        return []

    def _send(self, message: Message) -> list[Effect]:
        if message["type"] == "error" and message["code"] == "bad-sdp":
            self._bad_sdp += 1
            if self._bad_sdp > BAD_SDP_BORNE:
                return self.fail("bad-sdp")
        return [Send(message)]


def _error(code: str, *, fatal: bool) -> dict[str, Any]:
    text = {"msgid": FAULTS[code].text, "params": {}}
    return {"type": "error", "code": code, "text": text, "fatal": fatal}
