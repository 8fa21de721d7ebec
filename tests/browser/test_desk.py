"""The officer's desk and the playback by keys alone, in a call of which one lens is covered: that only asks somebody
to look, whatever else."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright

from core import clock
from core.ids import Ref
from policy import repository as policies
from policy import service as rules
from tests.browser import acts, place
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.fakes import clip
from tests.fakes.clip import Clip
from web.demo import Cast

MINUTES = "Number(document.getElementById('remaining').textContent.split(':')[0])"
SEEN = ["camera-blocked", "third-person"]  # what a program can ask for
TASKS = f"""fetch('/officer/wall/state').then((answer) => answer.json())
    .then((told) => told.tasks.filter((task) => {SEEN}.includes(task.kind)))"""
PLAYER = "document.querySelector('[data-playback]')"
SEEK = "Number(document.querySelector('[data-seek]').value)"
# What must not follow from what a program sees.
ACTS = ("paused", "ended", "warned", "muted", "removed", "sent-back")


def covered(sound: Path, folder: Path) -> Clip:
    """A camera with a thumb on its lens; its microphone is as it was."""
    picture = folder / "covered.y4m"
    luma, colour = bytes([16]) * (clip.WIDTH * clip.HEIGHT), bytes([128]) * (clip.WIDTH * clip.HEIGHT // 2)
    head = f"YUV4MPEG2 W{clip.WIDTH} H{clip.HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    picture.write_bytes(head + (b"FRAME\n" + luma + colour) * 10)
    return Clip(clip.FAMILY, picture, sound)


@pytest.fixture
async def crowd(playwright: Playwright, tmp_path: Path, clips: dict[str, Clip]) -> AsyncIterator[Crowd]:
    cameras = {**clips, "covered": covered(clips["family"].audio, tmp_path)}
    async with contextlib.AsyncExitStack() as stack:
        yield Crowd(playwright, tmp_path / "profiles", cameras, stack)


async def stated(product: Product, **values: Any) -> None:
    """The prison's rules say this as well, since yesterday."""
    prison = Cast.load(place.settings_of(product)).prison
    async with place.database_of(product) as db, db.write() as session:
        layers = await policies.layers(session, prison, clock.now())
        before = next((layer.values for layer in layers if layer.scope_id == prison), {})
        drafted = await rules.draft(
            session,
            Ref("admin", "one"),
            prison,
            {**before, **values},
            (),
            valid_from=clock.now() - timedelta(days=1),
        )
        await rules.approve(session, Ref("admin", "two"), drafted)


async def test_the_desk_and_the_playback_by_keys_and_a_covered_lens_only_asks(
    product: Product, crowd: Crowd
) -> None:
    product.stop()  # a room keeps to the rules with which it was opened
    await stated(product, watch_pictures="on", extension_by=["ward"])
    product.start()
    family = await crowd.chromium("family", product.url_of("wife"), "covered")
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), size=(1440, 900))
    visit = await acts.gather(family, inmate, officer)
    await _desk(visit, product)
    await _asked(visit, product)
    await officer.press("n")  # there is no other call
    await officer.until("location.pathname === '/officer/wall'")
    await officer.open(f"/officer/visits/{visit.booking}")
    await acts.live(family, inmate)
    await acts.end(officer)
    await _playback(officer, visit.booking, product)
    assert crowd.complaints == []


async def _desk(visit: acts.Visit, product: Product) -> None:
    officer = visit.officer
    await officer.press("m")
    mark = (await officer.text("#marks [data-choice='look-again']")).removeprefix("1").strip()
    await officer.press("1")
    await officer.reads(mark, "#timeline")
    await officer.press("m")
    await officer.press("Escape")
    await officer.until("document.getElementById('panel-mark').hidden")
    before = int(await officer.evaluate(MINUTES))
    await officer.press("x")
    await officer.until("document.querySelector('#extend-minutes [data-choice]')")
    await officer.press("1")
    await officer.until(f"{MINUTES} >= {before + 4}", what="the time to be longer")
    await visit.family.until(f"{MINUTES} >= {before + 4}", what="the family to have more time")
    (entry,) = await place.entries(product, "officer:visit:marked")
    assert entry.parsed()["code"] == "look-again"
    assert len(await place.entries(product, "officer:booking:extended")) == 1


async def _asked(visit: acts.Visit, product: Product) -> None:
    """The program's only word is a task, about the right person; the call goes on as it was."""
    (task,) = await visit.officer.until_value(TASKS, bool, what="somebody to be asked to look")
    assert (task["kind"], task["booking"]) == ("camera-blocked", visit.booking)
    tags = {
        entry.tag
        for who in ("officer:", "system:visit:ended", "system:track:")
        for entry in await place.entries(product, who)
        if entry.subject_id == visit.booking
    }
    assert not tags & {f"officer:{what}:{act}" for what in ("visit", "seat") for act in ACTS}
    assert not {tag for tag in tags if tag.startswith("system:")}  # it is black, but it comes
    await acts.live(visit.family, visit.inmate)
    assert await visit.officer.evaluate("document.getElementById('desk').dataset.phase") == "live"


async def _playback(officer: Person, booking: str, product: Product) -> None:
    await officer.until_value(
        f"fetch('/recordings').then((page) => page.text()).then((words) => words.includes('{booking}'))",
        bool,
        what="the recording to be listed",
    )
    await officer.open(f"/recordings/{booking}")
    await officer.click("#reason-1")
    await officer.click(f"form[action='/recordings/{booking}'] button")
    await officer.until("location.pathname.includes('/opn_')")
    while not await officer.evaluate(f"{PLAYER}?.dataset.ready === 'true'"):
        await officer.evaluate("new Promise((later) => setTimeout(later, 500))")  # until it is sealed
        await officer.evaluate("location.reload()")
        await officer.until("document.readyState === 'complete'")
    await officer.press("k")
    await officer.until(f"{PLAYER}.dataset.state === 'running' && {SEEK} > 500", what="it to play")
    await officer.press("k")
    await officer.until(f"{PLAYER}.dataset.state === 'standing'")
    await officer.press("2")
    assert await officer.evaluate("document.querySelector('[data-speed]').value") == "2"
    await officer.press("Home")
    await officer.press("n")
    at = int(await officer.evaluate(SEEK))
    assert at > 0, "no event was gone to"
    mark = (await officer.text("[data-code='look-again']")).removeprefix("⇧1").strip()
    await officer.press("Shift+Digit1")
    await officer.until("document.querySelector('[data-notes-list] li')", what="the note to be there")
    assert mark in await officer.text("[data-notes-list]")
    (noted,) = await place.entries(product, "officer:note:written")
    assert abs(noted.parsed()["at_ms"] - at) < 200
