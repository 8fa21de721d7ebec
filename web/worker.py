"""The periodic tasks: one table, one loop per task, each run its own transactions.

Every task is safe to run in two processes at once (conditional updates decide), and one that fails is logged
and tried again at its next turn: it never takes the others with it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import legalaid.approvals
import legalaid.digest
import legalaid.tasks
import notices.tasks
import people.tasks
import recording.bundling
import recording.days
import recording.erasure
import recording.finding
import recording.recheck
import recording.retention
import recording.reviews
import recording.stamping
import recording.storing
import recording.tasks
import rooms.desk_watch
import rooms.redress
import rooms.tasks
import scheduler.planner
import scheduler.tasks
from core import ending
from core.bus import Bus
from core.db import Database
from core.log import fields
from core.settings import Settings
from legalaid.means import LegalMeans
from legalaid.planned import PlannedMeetings
from notices.channels import open_channel
from people.means import Means
from web import demo, erasing, watermark

_log = logging.getLogger("kinbridge.worker")


@dataclass(frozen=True, slots=True)
class Job:
    """One task: how often it runs (seconds) and what it does; it may answer how many things it moved."""

    name: str
    every: float
    run: Callable[[], Awaitable[int | None]]


class Worker:
    """Runs the jobs until it is stopped."""

    def __init__(self, settings: Settings, db: Database, bus: Bus) -> None:
        channel, means = open_channel(settings), Means.of(settings, bus)
        meetings = PlannedMeetings()
        legal_means = LegalMeans.of(settings.secret_key.get_secret_value(), means.limiter)
        self.jobs = [
            Job("holds and requests expire", 5, lambda: scheduler.tasks.expire(db)),
            Job("picks of before are forgotten", 3600, lambda: scheduler.tasks.forget_picks(db)),
            Job("approved bookings are placed", 2, lambda: scheduler.tasks.place_approved(db)),
            Job("weeks are planned", 1, lambda: scheduler.planner.work(db, meetings)),
            Job("plans are published", 1, lambda: scheduler.planner.publish(db, meetings)),
            Job("offers, flags and wishes that are over are ended", 30, lambda: scheduler.planner.tidy(db)),
            Job("slots are made from templates", 600, lambda: scheduler.tasks.materialise(db)),
            Job("visits are granted where they are saved", 21600, lambda: scheduler.tasks.grant_visits(db)),
            Job("notices are delivered", 2, lambda: notices.tasks.deliver_due(db, channel)),
            Job("visits that no node ran are closed", 60, lambda: rooms.tasks.close_missed(db)),
            Job("meetings that no node ran are closed", 60, lambda: rooms.tasks.close_missed_sittings(db)),
            Job("calls to be listened to again", 30, lambda: recording.reviews.enqueue(db)),
            Job("the officers' desk is seen to", 2, lambda: rooms.desk_watch.look(db)),
            Job("calls that broke are made good", 5, lambda: rooms.redress.make_good(db)),
            Job("dead tickets are forgotten", 600, lambda: rooms.tasks.purge_tickets(db)),
            Job("old measurements of calls are forgotten", 3600, lambda: rooms.tasks.purge_minutes(db)),
            Job("finished recordings are sealed", 1, lambda: recording.tasks.seal_finished(db, settings)),
            Job("old recordings are indexed", 10, lambda: recording.finding.index_old(db)),
            Job(
                "approved copies are made",
                5,
                lambda: recording.bundling.render_due(db, settings, watermark.mark),
            ),
            Job("sealed recordings go to the store", 5, lambda: recording.storing.store_sealed(db, settings)),
            Job(
                "expired recordings are deleted",
                3600,
                lambda: recording.retention.delete_expired(db, settings),
            ),
            Job(
                "what people asked to be erased goes",
                5,
                lambda: recording.erasure.carry_out(db, erasing.parts(means, legal_means)),
            ),
            Job("days are sealed", 300, lambda: recording.days.seal_days(db, settings)),
            Job("days are stamped outside", 600, lambda: recording.stamping.stamp_days(db, settings)),
            Job("recordings are read again", 60, lambda: recording.recheck.recheck(db, settings)),
            Job("what the visits office decides has a clock", 30, lambda: legalaid.approvals.watch(db)),
            Job("desks are told in the morning", 300, lambda: legalaid.digest.send(db)),
            Job("clocks tell and hand up", 30, lambda: legalaid.tasks.turn_lights(db)),
            Job("limitations come near", 600, lambda: legalaid.tasks.hurry(db)),
            Job("mediations are settled", 30, lambda: legalaid.tasks.settle_gatherings(db)),
            Job("lawyers' meetings are settled", 30, lambda: legalaid.tasks.settle_meetings(db)),
            Job("help days are made", 600, lambda: legalaid.tasks.materialise(db)),
            Job("help days are planned", 60, lambda: legalaid.tasks.plan(db)),
            Job("help days are closed", 60, lambda: legalaid.tasks.close(db)),
            Job(
                "applications without their papers lapse", 600, lambda: legalaid.tasks.lapse(db, legal_means)
            ),
            Job("old sessions and codes are forgotten", 600, lambda: people.tasks.forget(db)),
            Job("old notices are blanked", 3600, lambda: notices.tasks.forget(db)),
            Job("proofs are deleted in time", 3600, lambda: people.tasks.delete_proofs(db, means)),
            Job("files of proofs that never came to be", 3600, lambda: people.tasks.sweep_files(db, means)),
        ]
        if settings.mode == "demo":
            self.jobs.append(
                Job("one visit is always due", 15, lambda: demo.keep_one_visit_due(db, settings))
            )
        self._bus = bus
        self._tasks: list[asyncio.Task[None]] = []

    async def run_once(self) -> int:
        """Runs every job once; answers how many failed."""
        return sum([not await self._run(job) for job in self.jobs])

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._loop(job), name=job.name) for job in self.jobs]

    async def stop(self) -> None:
        """Ends all loops; a job in the middle of its transaction is rolled back."""
        await ending.end(self._tasks)
        self._tasks.clear()

    async def _loop(self, job: Job) -> None:
        while True:
            await self._run(job)
            await asyncio.sleep(job.every)

    async def _run(self, job: Job) -> bool:
        try:
            moved = await job.run()
        except Exception:  # noqa: BLE001 - one job must not end the others; it is logged whole
            _log.exception("x %s", fields(job=job.name))
            return False
        if moved:
            _log.info("- %s", fields(job=job.name, moved=moved))
        return True
