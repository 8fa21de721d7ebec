"""Talks of more than two: who must be there, somebody who joins, and an officer who may show words and not say them."""

from dataclasses import replace

import pytest

from core.errors import NotFound
from core.ids import Ref
from people.model import Identity, Role
from rooms import service, sittings
from rooms.agreed import Party
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import SeatRole
from rooms.powers import ForbiddenTopologyError
from rooms.sittings import PlaceTaken
from signaling.client import Client
from tests.fakes.legs import FakeLegs
from tests.rooms.closed import LAWYER, Meeting, meeting, plan
from tests.rooms.test_closed_rooms import talking, welcome
from tests.rooms.test_host import eventually, once
from tests.rooms.visits import Cast, ShiftedClock, sign_in
from tests.scheduler.world import identity
from tests.signaling.server import Server

UNMONITORED, VISUAL = Confidentiality.UNMONITORED, Confidentiality.VISUAL_ONLY
PRESENT = Confidentiality.OFFICER_PRESENT
INTERPRETER = Ref("counsel", "int_1")


async def joined(at: Meeting) -> Identity:
    """An interpreter takes part from now on."""
    party = Party(SeatRole.INTERPRETER, INTERPRETER, "Ma Lin")
    async with at.cast.db.write() as session:
        await sittings.join(session, LAWYER, at.id, party)
    who = identity("counsel", INTERPRETER.id, Role.COUNSEL, prison_id=at.cast.world.prison_id)
    return await sign_in(at.cast.db, who)


def others(client: Client) -> int:
    """Whose sound and picture this client has lines for."""
    offer = [message for message in client.messages if message["type"] == "offer"][-1]
    return len({line["line"] for line in offer["lines"] if line["use"] == "line"})


@once
async def test_an_interpreter_alone_begins_nothing(server: Server, cast: Cast, shifted: ShiftedClock) -> None:
    made = await meeting(cast, shifted, UNMONITORED)
    interpreter = await joined(made)
    async with (
        server.client(await made.ticket(interpreter)) as early,
        server.client(await made.ticket(made.cast.terminal)) as inmate,
    ):
        await early.until(lambda s: all(p["connected"] for p in s["people"] if p["role"] != "counsel"))
        await inmate.until(lambda s: s["waiting"] == ["for-family"])
        async with server.client(await made.ticket(made.lawyer)) as lawyer:
            for client in (early, inmate, lawyer):
                await client.until(lambda s: bool(s["phase"] == "live"))
                assert others(client) == 2
        await inmate.until(lambda s: bool(s["phase"] == "paused"))


@once
async def test_who_joins_a_talk_that_runs_is_heard_by_all(
    server: Server, cast: Cast, shifted: ShiftedClock, legs: FakeLegs
) -> None:
    made = await meeting(cast, shifted, UNMONITORED)
    async with talking(server, made) as talk:
        assert others(talk.lawyer) == others(talk.inmate) == 1
        await joined(made)
        assert (await talk.lawyer.ended()).code == (await talk.inmate.ended()).code == 1012
    await eventually(lambda: not legs.open_legs)
    async with talking(server, made) as talk:
        assert others(talk.lawyer) == others(talk.inmate) == 2


async def test_nobody_joins_who_has_no_seat_there(cast: Cast, shifted: ShiftedClock) -> None:
    made = await meeting(cast, shifted, UNMONITORED)
    for role in (SeatRole.MONITOR, SeatRole.RELATIVE, SeatRole.MEDIATOR):
        with pytest.raises(ForbiddenTopologyError):
            async with cast.db.write() as session:
                await sittings.join(session, LAWYER, made.id, Party(role, INTERPRETER, "Ma Lin"))


async def test_a_lawyer_is_promised_once_at_a_time(cast: Cast, shifted: ShiftedClock) -> None:
    await meeting(cast, shifted, UNMONITORED)
    elsewhere = plan(cast, UNMONITORED)
    others_only = [Party(SeatRole.INMATE, Ref("inmate", "inm_other"), "Other")]
    theirs = [party for party in elsewhere.parties if party.role is SeatRole.COUNSEL]
    taken = replace(elsewhere, parties=(*theirs, *others_only), terminal_id=None)
    with pytest.raises(PlaceTaken):
        async with cast.db.write() as session:
            await sittings.agree(session, LAWYER, taken)


@once
@pytest.mark.parametrize("how", [VISUAL, PRESENT])
async def test_what_an_officer_may_do_is_told_and_no_more_is_done(
    server: Server, cast: Cast, shifted: ShiftedClock, how: Confidentiality
) -> None:
    made = await meeting(cast, shifted, how)
    async with server.client(await made.ticket(cast.officer)) as officer:
        await officer.until(lambda s: any(p["connected"] for p in s["people"]))
        acts = welcome(officer)["acts"]
        heard = "speak" in acts
        assert heard is (how is PRESENT)
        assert "mark" not in acts
        assert {"warn", "pause", "resume", "end"} <= set(acts)
        aloud = await officer.act("warn", warning="calm", aloud=True)
        refused = {"type": "refused", "code": "silent-room"} if not heard else {"type": "done"}
        assert refused.items() <= aloud.items()
        offered = next(m for m in officer.messages if m["type"] == "offer")["lines"]
        kinds = {line["kind"] for line in offered}
        assert kinds == ({"audio", "video"} if heard else {"video"})


async def test_a_relatives_proof_goes_with_their_seat(cast: Cast) -> None:
    """In a mediation the officer compares the face with the paper, as in a visit."""
    wanted = plan(cast, PRESENT, RoomKind.MEDIATION)
    relative = Party(SeatRole.RELATIVE, cast.relative.subject, "Mei")
    mediator = Party(SeatRole.MEDIATOR, Ref("counsel", "med_1"), "Zhao")
    inmate = next(party for party in wanted.parties if party.role is SeatRole.INMATE)
    async with cast.db.write() as session:
        parties = (mediator, relative, inmate)
        sitting = await sittings.agree(session, LAWYER, replace(wanted, parties=parties))
    async with cast.db.read() as session:
        seat = (await sittings.get(session, sitting)).agreed.party(cast.relative.subject)
    assert seat is not None
    assert seat.relationship_id
    assert seat.kinship
    stranger = identity("counsel", "med_2", Role.COUNSEL)
    with pytest.raises(NotFound):
        async with cast.db.write() as session:
            await service.issue_sitting_ticket(session, stranger, sitting)
