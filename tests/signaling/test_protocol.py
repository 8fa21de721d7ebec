"""The protocol's rules with nothing but values: every error of its table that the socket itself decides."""

import json
from typing import Any

import pytest

from signaling.faults import FAULTS
from signaling.protocol import Close, Effect, Forward, Protocol, Redeem, Send, Stage

HELLO = json.dumps({"type": "hello", "ticket": "kbt_x", "version": 1})
PING = json.dumps({"type": "ping", "at": 7})


def opened(now: float = 0.0) -> Protocol:
    protocol = Protocol(now)
    assert protocol.frame(HELLO, now) == [Redeem("kbt_x")]
    protocol.entered(now)
    assert protocol.stage is Stage.OPEN
    return protocol


def failed(effects: list[Effect], code: str) -> bool:
    """Whether these effects are: tell the error, close with its code."""
    assert isinstance(effects[-2], Send)
    message = effects[-2].message
    assert message["type"] == "error"
    assert message["fatal"] is True
    return message["code"] == code and effects[-1] == Close(FAULTS[code].close)


def test_hello_then_open_then_both_ways() -> None:
    protocol = opened()
    answer = {"type": "answer", "offer": "o", "sdp": "v=0"}
    assert protocol.frame(json.dumps(answer), 1) == [Forward(answer)]
    told = {"type": "state", "number": 1}
    assert protocol.from_node({"op": "send", "message": told}, 1) == [Send(told)]
    assert protocol.from_node({"op": "alive"}, 1) == []
    assert protocol.frame(PING, 2) == [Send({"type": "pong", "at": 7})]


def test_bye_is_told_to_the_room_and_closes() -> None:
    protocol = opened()
    assert protocol.frame('{"type": "bye"}', 1) == [Forward({"type": "bye"}), Close(1000)]
    assert protocol.frame(PING, 2) == []
    assert protocol.tick(99) == []


@pytest.mark.parametrize("late", [False, True])
def test_hello_must_come_within_ten_seconds(late: bool) -> None:
    protocol = Protocol(100.0)
    effects = protocol.tick(110.5 if late else 109.5)
    assert failed(effects, "hello-late") if late else effects == []


def test_nothing_heard_for_fifteen_seconds() -> None:
    protocol = opened()
    for second in range(0, 20, 2):
        protocol.from_node({"op": "alive"}, second)
    assert protocol.tick(14.9)[-1:] != [Close(4408)]
    protocol = opened()
    protocol.frame(PING, 10)
    protocol.from_node({"op": "alive"}, 24)
    assert protocol.tick(24) == []
    protocol.from_node({"op": "alive"}, 26)
    assert failed(protocol.tick(26), "silent")


def test_a_silent_node_means_come_back_at_once() -> None:
    protocol = opened()
    protocol.from_node({"op": "alive"}, 5)
    protocol.frame(PING, 7)
    assert protocol.tick(8) == []
    assert failed(protocol.tick(8.1), "room-moved")
    assert FAULTS["room-moved"].close == 1012


@pytest.mark.parametrize(
    "data", ["not json", '{"type": "dance"}', '{"type": "devices"}', b"binary", HELLO, "[]"]
)
def test_three_bad_messages_are_borne_the_fourth_closes(data: str | bytes) -> None:
    protocol = opened()
    for _ in range(3):
        effects = protocol.frame(data, 1)
        assert [type(effect) for effect in effects] == [Send]
        message: dict[str, Any] = effects[0].message  # type: ignore[union-attr]
        assert (message["code"], message["fatal"]) == ("bad-message", False)
    assert protocol.frame(PING, 1) == [Send({"type": "pong", "at": 7})]
    assert failed(protocol.frame(data, 1), "bad-message")


def test_only_hello_comes_first() -> None:
    protocol = Protocol(0)
    effects = protocol.frame(PING, 1)
    assert effects[0].message["code"] == "bad-message"  # type: ignore[union-attr]
    assert protocol.stage is Stage.HELLO


def test_another_version_is_not_spoken() -> None:
    protocol = Protocol(0)
    assert failed(protocol.frame(HELLO.replace(": 1}", ": 2}"), 0), "bad-message")


@pytest.mark.parametrize("data", ["x" * 65_537, "字" * 30_000, b"x" * 65_537])
def test_more_than_64_kib(data: str | bytes) -> None:
    assert failed(opened().frame(data, 0), "message-too-large")
    assert FAULTS["message-too-large"].close == 1009


def test_fifty_messages_in_five_seconds_and_no_more() -> None:
    protocol = opened(0.0)  # its hello was the first
    for number in range(49):
        assert protocol.frame(PING, 1 + number / 100) == [Send({"type": "pong", "at": 7})]
    assert failed(protocol.frame(PING, 2), "too-many")
    protocol = opened(0.0)
    for number in range(500):
        assert protocol.frame(PING, 1 + number * 0.11)[0] == Send({"type": "pong", "at": 7})


def test_a_third_unusable_answer_closes() -> None:
    protocol = opened()
    bad = {"op": "send", "message": {"type": "error", "code": "bad-sdp", "text": "", "fatal": False}}
    assert protocol.from_node(bad, 0) == [Send(bad["message"])]  # type: ignore[arg-type]
    assert protocol.from_node(bad, 0) == [Send(bad["message"])]  # type: ignore[arg-type]
    assert failed(protocol.from_node(bad, 0), "bad-sdp")
    assert FAULTS["bad-sdp"].close == 4400


@pytest.mark.parametrize("code", FAULTS)
def test_each_error_closes_with_its_own_code(code: str) -> None:
    protocol = opened()
    assert failed(protocol.from_node({"op": "close", "code": code}, 0), code)
    assert protocol.from_node({"op": "close", "code": code}, 0) == []


def test_the_regular_end_and_an_unknown_code() -> None:
    assert opened().from_node({"op": "close", "code": "ended"}, 0) == [Close(1000)]
    assert failed(opened().fail("never-heard-of"), "internal")


def test_what_the_room_says_before_the_ticket_is_good_reaches_nobody() -> None:
    protocol = Protocol(0)
    protocol.frame(HELLO, 0)
    assert protocol.from_node({"op": "send", "message": {"type": "state"}}, 0) == []
    assert protocol.frame('{"type": "devices", "camera": true, "microphone": true}', 0) == []


def test_the_table_is_that_of_the_document() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    rows = [line.split("|") for line in text.split("## Errors")[1].splitlines() if line.startswith("| `")]
    documented = {row[1].strip(" `"): row[2].strip() for row in rows}
    assert {code: str(fault.close) for code, fault in FAULTS.items()} == {
        code: "4400" if code == "bad-sdp" else close for code, close in documented.items()
    }
