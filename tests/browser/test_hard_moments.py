"""Dead networks, reloads, a second tab, a killed server: the seat stays, and the talk goes on."""

import asyncio

from core import clock
from tests.browser import acts, place
from tests.browser.conftest import Crowd
from tests.browser.product import Product
from tests.fakes import clip
from tests.fakes.reading import read

CUT = 8.0  # seconds
LOST_AT_MOST = 2.0  # seconds of media that a killed server may cost


async def _three(product: Product, crowd: Crowd, **family: object) -> acts.Visit:
    people = (
        await crowd.chromium("family", product.url_of("wife"), "family", size=(390, 844), **family),
        await crowd.chromium("inmate", product.url_of("terminal"), "inmate"),
        await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900)),
    )
    visit = await acts.gather(*people)
    await acts.watch_all(visit)
    return visit


async def test_a_network_that_is_dead_for_eight_seconds(product: Product, crowd: Crowd) -> None:
    wire = await crowd.wire(product.port)
    family = await crowd.chromium(
        "family", f"http://wife.localhost:{wire.port}", "family", size=(390, 844), scripts=(wire.script,)
    )
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(family, inmate, officer, wire)
    await acts.watch_all(visit)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    wire.cut()
    await asyncio.sleep(CUT - 3)
    await acts.sees_nothing(inmate, "other")
    await inmate.until(
        "!document.getElementById('paused').hidden || !document.querySelector('.face-note').hidden"
    )
    assert wire.swallowed > 100
    wire.mend()
    await acts.live(family, inmate)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    await acts.sees_and_hears(officer, "family", clip.FAMILY)
    tags = [entry.tag for entry in await place.entries(product, "officer:seat:")]
    assert tags.count("officer:seat:admitted") == 2, "a seat that comes back is not checked again"
    assert crowd.complaints == []


# A telephone whose clock is ten minutes fast.
FAST_CLOCK = """{
  const now = Date.now;
  Date.now = () => now() + 600000;
}"""


async def test_a_reload_and_a_second_tab(product: Product, crowd: Crowd) -> None:
    visit = await _three(product, crowd, scripts=(FAST_CLOCK,))
    left = _seconds(await visit.inmate.text("#remaining"))
    assert abs(_seconds(await visit.family.text("#remaining")) - left) <= 2
    await visit.family.evaluate("location.reload()")
    await acts.live(visit.family)
    await visit.family.watch("other", acts.OTHER, clip.INMATE.pitch)
    await acts.sees_and_hears(visit.family, "other", clip.INMATE)
    await acts.sees_and_hears(visit.inmate, "other", clip.FAMILY)
    second = await crowd.another_tab(visit.family, "second tab")
    await acts.check_and_enter(second, visit.booking)
    await acts.live(second)
    await visit.family.until("document.body.dataset.step === 'ended'")
    await visit.family.sees("#enter-here")
    await second.watch("other", acts.OTHER, clip.INMATE.pitch)
    await acts.sees_and_hears(second, "other", clip.INMATE)
    await visit.family.click("#enter-here")
    await acts.live(visit.family)
    await second.until("document.body.dataset.step === 'ended'")
    assert crowd.complaints == []


async def test_who_comes_too_early_is_told_when(product: Product, crowd: Crowd) -> None:
    """No way round the lobby by arriving early: there is no seat yet, and the page says from when on."""
    booking = await place.visit_in(product, 90)
    family = await crowd.chromium("family", product.url_of("wife"), "family", size=(390, 844))
    await acts.enter_demo(family, "wife")
    await acts.check_and_enter(family, booking)
    await family.reads("候见室周", "#lobby-title")
    assert await family.evaluate("document.getElementById('step-call').hidden")
    assert crowd.complaints == []


async def test_the_server_is_killed_in_mid_call(product: Product, crowd: Crowd) -> None:
    visit = await _three(product, crowd)
    began = clock.monotonic()
    await acts.sees_and_hears(visit.inmate, "other", clip.FAMILY)
    await asyncio.sleep(6)
    before = await visit.family.evaluate("document.getElementById('remaining').textContent")
    entries = len(await place.entries(product, ""))
    product.kill()
    lasted = clock.monotonic() - began
    await visit.family.sees("#lost")
    product.start()
    await acts.live(visit.family, visit.inmate)
    await visit.family.until("document.getElementById('lost').hidden")
    await acts.sees_and_hears(visit.family, "other", clip.INMATE)
    await acts.sees_and_hears(visit.inmate, "other", clip.FAMILY)
    await acts.sees_and_hears(visit.officer, "family", clip.FAMILY)
    after = await visit.family.evaluate("document.getElementById('remaining').textContent")
    assert _seconds(before) - _seconds(after) < 60, "time that was lost is not time that was used"
    await acts.end(visit.officer)
    assert len(await place.entries(product, "")) > entries
    await _sealed(product, 2)
    folders = sorted((product.data / "recordings").glob("*/*/*/*"))  # ids sort by birth
    files = await place.tracks(product, folders[0].name)
    readings = [read(file, clip.FAMILY.pitch) for name, file in files.items() if name.endswith(".webm")]
    family = next(r for r in readings if any(f.person == clip.FAMILY.number for f in r.frames))
    assert family.seconds > lasted - LOST_AT_MOST
    for folder in folders:
        verdict = product.run("verify", "recording", str(folder))
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    verdict = product.run("verify", "ledger")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


async def _sealed(product: Product, count: int) -> None:
    """Waits until that many recordings bear a seal."""
    for _ in range(60):
        if len(list((product.data / "recordings").glob("*/*/*/*/manifest.sig"))) == count:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"not {count} sealed recordings within 30 s")


def _seconds(clock_face: str) -> int:
    minutes, seconds = clock_face.split(":")[-2:]
    return int(minutes) * 60 + int(seconds)
