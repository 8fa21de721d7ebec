"""An officer who watches is told of to nobody: not in messages, not in offers, however often they come and go."""

from typing import Any

from rooms.actions import Effect, OpenLeg, Send
from rooms.client import MediaKind
from rooms.lines import media_lines
from signaling.sdp import Transport, offer
from tests.rooms.stagehand import INMATE, OFFICER, SECOND, WIFE, Stagehand

TRANSPORT = Transport(("192.0.2.7",), 4000, "ours", "w" * 24, "AA:BB")


def told(effects: list[Effect], conns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every message to these sockets, without what counts by itself."""
    messages = [e.message for e in effects if isinstance(e, Send) and e.conn in conns]
    return [
        {key: value for key, value in message.items() if key not in ("number", "clock")}
        for message in messages
    ]


def visit(*, watched: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """The whole of a visit as both ends are told it, and the offers to them; `watched`: by a second officer too,
    who comes before and during it, loses the line, comes back and leaves. Both ends come back once themselves."""
    hand = Stagehand()

    def second(step: str) -> None:
        if watched and step == "comes":
            hand.enter(SECOND)
        elif watched:
            hand.leave(SECOND, bye=step == "leaves")

    hand.enter(OFFICER)
    second("comes")
    hand.enter(WIFE, INMATE)
    second("is lost")
    hand.admit(WIFE, INMATE)
    second("comes")
    hand.wait(3)
    hand.enter(WIFE)
    second("leaves")
    hand.enter(INMATE)
    second("comes")
    hand.act("speak", by=OFFICER)
    second("is lost")
    hand.act("silence", by=OFFICER)
    hand.wait(3)
    second("comes")
    hand.act("end", code="said-goodbye")
    conns = ("wife", "wife2", "inmate", "inmate2")
    return told(hand.effects, conns), [_offered(effect) for effect in hand.effects if _theirs(effect, conns)]


def _theirs(effect: Effect, conns: tuple[str, ...]) -> bool:
    return isinstance(effect, OpenLeg) and effect.conn in conns


def _offered(effect: Effect) -> str:
    assert isinstance(effect, OpenLeg)
    lines = media_lines(effect.publishes, effect.lines, announce=effect.announce, low=True)
    return offer(1, TRANSPORT, lines, {line.mid: (1, 2) for line in lines if line.use not in ("own", "low")})


def changes(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without repetitions: a state may be sent again though nothing in it changed."""
    seen: list[dict[str, Any]] = []
    for message in messages:
        if message not in seen[-2:]:
            seen.append(message)
    return seen


def test_a_visit_is_told_the_same_whether_a_second_officer_watches_or_not() -> None:
    alone, offers_alone = visit(watched=False)
    watched, offers_watched = visit(watched=True)
    assert changes(watched) == changes(alone)
    assert offers_watched == offers_alone
    assert len(offers_alone) == 4
    text = repr(watched)
    for trace in (SECOND.id, SECOND.name, str(SECOND.person), OFFICER.id, OFFICER.name, "monitor'"):
        assert trace not in text


def test_a_watcher_s_offer_has_no_picture_to_send_and_no_line_of_the_others_changes() -> None:
    hand = Stagehand()
    hand.enter(WIFE, INMATE)
    before = [seat.leg for seat in hand.room.seats]
    (opened,) = (effect for effect in hand.enter(OFFICER) if isinstance(effect, OpenLeg))
    assert MediaKind.VIDEO not in opened.publishes
    assert [seat.leg for seat in hand.room.seats][: len(before)] == before
