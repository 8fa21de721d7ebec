"""A warning that is said aloud: who decides, in which language, and what cannot be said."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from rooms.actions import Acted, Attached, Enter, LegConnected, Mark, Say
from rooms.model import SeatView
from rooms.speech import Speech
from rooms.stage import Stage
from tests.fakes.legs import FakeLegs
from tests.rooms.stagehand import INMATE, OFFICER, SON, WIFE, Stagehand, live
from tests.signaling.raw_client import Events


def aloud(hand: Stagehand, warning: str = "dress", **fields: Any) -> tuple[str, list[Say]]:
    """What the officer is answered, and what is played."""
    effects = hand.do(Acted(hand.sockets[OFFICER.id], "w1", "warn", code=warning, aloud=True, **fields))
    answers = [m for m in hand.heard(OFFICER, effects) if m["type"] in ("done", "refused")]
    said = [effect for effect in effects if isinstance(effect, Say)]
    return answers[0].get("code", "done"), said


def sit(hand: Stagehand, seat: SeatView, language: str) -> None:
    conn = hand.sockets[seat.id] = f"{language}-{seat.id}"
    hand.do(Attached(conn, seat, language=language))
    hand.do(LegConnected(conn))


def test_it_is_said_in_the_language_of_the_family_and_shown_and_entered() -> None:
    hand = Stagehand()
    hand.enter(OFFICER, INMATE)
    sit(hand, WIFE, "ug")
    sit(hand, SON, "en")
    assert aloud(hand) == ("done", [Say("dress", "ug")])
    assert hand.notices(WIFE, "warning")
    entry = [e for e in hand.effects if isinstance(e, Enter) and e.tag == "officer:visit:warned"][-1]
    mark = [e for e in hand.effects if isinstance(e, Mark) and e.tag == "officer:visit:warned"][-1]
    assert entry.details["aloud"] == mark.details["aloud"] == "yes"


def test_without_family_it_is_said_in_chinese() -> None:
    hand = Stagehand()
    hand.enter(OFFICER, INMATE)
    assert aloud(hand) == ("done", [Say("dress", "zh")])


def test_own_words_and_unknown_ones_cannot_be_said() -> None:
    hand = live()
    assert aloud(hand, "text", text="Please sit down.") == ("not-recorded", [])
    assert aloud(hand, "nonsense") == ("reason-needed", [])


def test_nothing_is_played_over_an_officer() -> None:
    hand = live()
    assert hand.act("speak") == "done"
    assert aloud(hand) == ("somebody-speaks", [])


@pytest.fixture
def chores() -> list[asyncio.Task[None]]:
    return []


async def test_the_newest_words_are_what_counts_and_the_end_ends_them(
    chores: list[asyncio.Task[None]],
) -> None:
    legs, stage = FakeLegs(), Stage()

    def chore(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        chores.append(asyncio.create_task(work))
        return chores[-1]

    speech = Speech(legs, stage, Events(), chore)
    await speech.say(Say("dress", "zh"))
    await asyncio.sleep(0)
    await speech.say(Say("calm", "en"))
    await asyncio.wait(chores[:1])
    await asyncio.sleep(0)
    assert legs.said == [("zh", "dress"), ("en", "calm")]
    assert [voice.leg.closed for voice in legs.voices] == [True, False]
    legs.voices[1].said.set()
    await asyncio.wait(chores)
    assert legs.voices[1].leg.closed
    await speech.say(Say("last", "zh"))
    await asyncio.sleep(0)
    speech.end()
    await asyncio.wait(chores)
    assert all(voice.leg.closed for voice in legs.voices)
