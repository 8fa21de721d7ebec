"""The officers' desk: tasks that never cut, who supervises what, hand-over, and the next officer's page."""

from datetime import timedelta

import pytest

from core import clock
from core.db import Database
from core.errors import NotFound
from core.ids import SYSTEM, Ref
from ledger.record import record
from people import service as people
from people.forms import StaffForm
from people.model import Identity, Role
from rooms import desk_rules, desk_tasks, desk_watch, opening, repository, watches
from rooms.desk_tasks import Kind, TaskGone
from rooms.watches import BadHandOver, ColleagueFull, TooManyCalls, Why
from scheduler import roster, service
from scheduler.model import BookingView
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit
from tests.scheduler import world


async def officer(cast: Cast, name: str) -> Identity:
    form = StaffForm(name, name.title(), "officer", ("monitor",), cast.world.prison_id)
    async with cast.db.write() as session:
        made = await people.create_staff(session, SYSTEM, form)
    return world.identity("officer", made.staff_id, Role.MONITOR, prison_id=cast.world.prison_id)


async def on_duty(cast: Cast, who: Identity, at_once: int = 4) -> None:
    now = clock.now()
    span = (now - timedelta(hours=1), now + timedelta(hours=4))
    async with cast.db.write() as session:
        await roster.add_shift(session, cast.world.approver, who.subject.id, span, None, at_once)


async def entered(cast: Cast, *tags: str, **details: str) -> None:
    """Entries as the room writes them; `seat` among the details by its role."""
    async with cast.db.write() as session:
        agreed = await opening.read(session, Ref("booking", cast.booking.id))
        room_id = await opening.prepare(session, agreed)
        seats = {str(one.role): one.id for one in await repository.seats(session, room_id)}
        named = {**details, **({"seat": seats[details["seat"]]} if "seat" in details else {})}
        for tag in tags:
            record(session, tag, actor=SYSTEM, subject=Ref("booking", cast.booking.id), **named)


async def kinds(cast: Cast) -> list[Kind]:
    await desk_watch.look(cast.db)
    async with cast.db.read() as session:
        return [task.kind for task in await desk_tasks.open_in(session, cast.world.prison_id)]


async def watcher(cast: Cast) -> watches.Watcher | None:
    async with cast.db.read() as session:
        return (await watches.of(session, cast.world.prison_id, [cast.booking])).get(cast.booking.id)


async def calls(cast: Cast) -> list[BookingView]:
    async with cast.db.read() as session:
        return await desk_watch.calls_now(session, cast.world.prison_id)


async def test_what_goes_wrong_becomes_a_task_once_and_passes_by_itself(
    cast: Cast, shifted: ShiftedClock
) -> None:
    await entered(cast, "family:visit:joined", seat="relative")
    assert await kinds(cast) == []
    shifted.shift += 70
    assert await kinds(cast) == [Kind.MONITOR_MISSING, Kind.NOT_BROUGHT]
    assert await kinds(cast) == [Kind.MONITOR_MISSING, Kind.NOT_BROUGHT]
    await entered(cast, "inmate:visit:joined", seat="inmate")
    await entered(cast, "family:visit:unheard", seat="relative", silent_ms="3000")
    shifted.shift += 4
    assert await kinds(cast) == [Kind.MONITOR_MISSING, Kind.DROPPED_OUT]
    await entered(cast, "family:visit:heard", seat="relative")
    await entered(cast, "family:help:asked", seat="relative")
    await entered(cast, "officer:visit:marked", code="language")
    assert await kinds(cast) == [Kind.MONITOR_MISSING, Kind.HELP, Kind.LANGUAGE]


async def test_a_recording_that_falls_behind_is_a_task_until_it_is_in_step(cast: Cast) -> None:
    await entered(cast, "system:room:opened", "system:recording:started", "system:recording:behind")
    assert await kinds(cast) == [Kind.RECORDER_STALLED]
    await entered(cast, "system:recording:caught-up")
    assert await kinds(cast) == []


async def test_sound_or_picture_that_is_not_recorded_is_a_task_of_its_person_until_it_is(cast: Cast) -> None:
    await entered(cast, "system:room:opened", "system:recording:started")
    await entered(cast, "system:track:missing", seat="relative", code="video")
    await entered(cast, "system:track:missing", seat="relative", code="audio")
    assert await kinds(cast) == [Kind.TRACK_MISSING]
    async with cast.db.read() as session:
        (task,) = await desk_tasks.open_in(session, cast.world.prison_id)
    assert task.name == cast.booking.visitors[0].name
    await entered(cast, "system:track:settled", seat="relative", code="video")
    assert await kinds(cast) == [Kind.TRACK_MISSING]
    await entered(cast, "system:track:settled", seat="relative", code="audio")
    assert await kinds(cast) == []


async def test_a_task_is_taken_and_done_and_what_was_dealt_with_is_not_asked_again(cast: Cast) -> None:
    await entered(cast, "family:help:asked", seat="relative")
    assert await kinds(cast) == [Kind.HELP]
    async with cast.db.write() as session:
        (task,) = await desk_tasks.open_in(session, cast.world.prison_id)
        assert (await desk_tasks.take(session, cast.officer, task.id)).state == "taken"
        await desk_tasks.finish(session, cast.officer, task.id, "acted")
    assert await kinds(cast) == []
    stranger = world.identity("officer", "off_far", Role.MONITOR, prison_id="prs_other")
    for who, error in ((cast.officer, TaskGone), (stranger, NotFound)):
        with pytest.raises(error):
            async with cast.db.write() as session:
                await desk_tasks.finish(session, who, task.id, "looked")


async def test_the_roster_says_who_supervises_until_somebody_takes_over(cast: Cast) -> None:
    assert await watcher(cast) is None
    first, second = await officer(cast, "first"), await officer(cast, "second")
    await on_duty(cast, first)
    planned = await watcher(cast)
    assert planned is not None
    assert (planned.officer_id, planned.why) == (first.subject.id, Why.ROSTER)
    async with cast.db.write() as session:
        await watches.take(session, second, cast.booking, await calls(cast))
    taken = await watcher(cast)
    assert taken is not None
    assert (taken.officer_id, taken.why) == (second.subject.id, Why.TAKEN)


async def another(cast: Cast) -> BookingView:
    """A second visit, right after the first."""
    start = cast.booking.slot_ends_at
    async with cast.db.write() as session:
        slot = await service.create_slot(
            session, world.ADMIN, cast.world.prison_id, start, minutes=25, raster=30
        )
    return await cast.world.confirmed(await cast.world.family(), slot)


async def test_nobody_supervises_more_than_the_shift_allows_or_without_one_the_rules(
    db: Database, shifted: ShiftedClock
) -> None:
    cast = await confirmed_visit(db, calls_at_once=1)
    both = [cast.booking, await another(cast)]

    async def take(booking: BookingView) -> None:
        async with cast.db.write() as session:
            await watches.take(session, cast.officer, booking, both)

    await take(both[0])
    await take(both[0])  # one's own again is no second one
    with pytest.raises(TooManyCalls) as refused:
        await take(both[1])
    assert refused.value.params == {"most": 1}
    rostered = await officer(cast, "rostered")
    await on_duty(cast, rostered, at_once=2)
    async with cast.db.read() as session:
        assert await watches.most_at_once(session, cast.world.prison_id, rostered.subject.id) == 2


async def test_a_shift_is_handed_over_with_its_note(cast: Cast) -> None:
    first, second = await officer(cast, "first"), await officer(cast, "second")
    async with cast.db.write() as session:
        await watches.take(session, first, cast.booking, await calls(cast))
    for to, words in ((second.subject.id, " "), (first.subject.id, "x"), ("stf_none", "x")):
        with pytest.raises(BadHandOver):
            async with cast.db.write() as session:
                await watches.hand_over(session, first, to, words, await calls(cast))
    async with cast.db.write() as session:
        left = await watches.hand_over(
            session, first, second.subject.id, "The wife is ill", await calls(cast)
        )
    present = await watcher(cast)
    assert present is not None
    assert (present.officer_id, present.why) == (second.subject.id, Why.HANDED_OVER)
    async with cast.db.write() as session:
        (note,) = await watches.left_to(session, second.subject.id)
        assert (note.id, note.words, note.calls) == (left, "The wife is ill", 1)
        with pytest.raises(NotFound):
            await watches.seen(session, first, left)
        await watches.seen(session, second, left)
        assert await watches.left_to(session, second.subject.id) == []


async def test_nobody_is_handed_more_calls_than_they_may_supervise(cast: Cast) -> None:
    first, second = await officer(cast, "first"), await officer(cast, "second")
    both = [cast.booking, await another(cast)]
    await on_duty(cast, second, at_once=1)
    async with cast.db.write() as session:
        await watches.take(session, first, both[0], both)
        await watches.take(session, second, both[1], both)
    with pytest.raises(ColleagueFull) as refused:
        async with cast.db.write() as session:
            await watches.hand_over(session, first, second.subject.id, "The wife is ill", both)
    assert refused.value.params == {"name": "Second", "calls": 2, "most": 1}
    present = await watcher(cast)
    assert present is not None
    assert present.officer_id == first.subject.id


async def test_the_next_officer_is_called_when_one_is_missing(cast: Cast, shifted: ShiftedClock) -> None:
    first, second = await officer(cast, "first"), await officer(cast, "second")
    await on_duty(cast, first)
    await on_duty(cast, second)
    planned = await watcher(cast)
    assert planned is not None
    await entered(cast, "family:visit:joined", seat="relative")
    shifted.shift += 15
    await desk_watch.look(cast.db)
    assert await watcher(cast) == planned
    shifted.shift += 15
    await desk_watch.look(cast.db)
    called = await watcher(cast)
    assert called is not None
    assert called.why is Why.PAGED
    assert {called.officer_id, planned.officer_id} == {first.subject.id, second.subject.id}
    await desk_watch.look(cast.db)
    assert await watcher(cast) == called  # who was just called has time to come


async def test_how_long_an_officer_may_be_missing_is_policy(db: Database, shifted: ShiftedClock) -> None:
    cast = await confirmed_visit(db, monitor_page_s=50)
    shifted.put_to(cast.booking.starts_at)
    await on_duty(cast, await officer(cast, "first"))
    await on_duty(cast, await officer(cast, "second"))
    planned = await watcher(cast)
    await entered(cast, "family:visit:joined", seat="relative")
    shifted.shift += 40
    assert Kind.MONITOR_MISSING not in await kinds(cast)
    assert await watcher(cast) == planned
    shifted.shift += 15
    assert Kind.MONITOR_MISSING in await kinds(cast)
    called = await watcher(cast)
    assert called is not None
    assert called.why is Why.PAGED


async def test_where_the_rules_are_not_whole_calls_are_supervised_all_the_same(cast: Cast) -> None:
    async with cast.db.read() as session:
        found = await desk_rules.of(session, "prs_nobody_set_up", clock.now())
    assert (found.page_after.total_seconds(), found.at_once) == (20, 16)


async def test_a_call_that_is_over_leaves_no_tasks(cast: Cast, shifted: ShiftedClock) -> None:
    await entered(cast, "family:visit:joined", seat="relative")
    shifted.shift += 70
    assert await kinds(cast)
    shifted.shift += 3600
    assert await kinds(cast) == []
