"""What an officer can do in a visit, each power as all sides see and hear it."""

from tests.browser import acts, place
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.fakes import clip

PHASE = "document.getElementById('desk').dataset.phase"


async def test_warn_mute_pause_and_speak(product: Product, crowd: Crowd) -> None:
    family = await crowd.chromium("family", product.url_of("wife"), "family", size=(390, 844))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(family, inmate, officer)
    await acts.watch_all(visit)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    await _warn(visit)
    await _mute(visit)
    await _pause_and_resume(visit)
    await _speak_in(visit)
    await _mark_and_end(visit)
    tags = [entry.tag for entry in await place.entries(product, "officer:")]
    for tag in ("seat:admitted", "visit:warned", "seat:muted", "seat:unmuted", "visit:paused",
                "visit:resumed", "visit:spoke-in", "visit:fell-silent", "visit:marked", "visit:ended"):  # fmt: skip
        assert f"officer:{tag}" in tags, tags
    assert crowd.complaints == []


async def _warn(visit: acts.Visit) -> None:
    """One tap for both ends, by key; then own words for one end only."""
    await visit.officer.press("w")
    await visit.officer.press("1")
    first = await visit.officer.text("#warnings [data-choice] ")
    words = first.removeprefix("1").strip()
    for person in (visit.family, visit.inmate):
        await person.reads(words, "#said-text")
    seat = await acts.seat_of(visit.officer, "家属")
    await visit.officer.press("w")
    await visit.officer.evaluate(f"document.getElementById('warn-seat').value = '{seat}'")
    await visit.officer.fill("#warn-text", "请坐到光线好的地方")
    await visit.officer.click("#warn-form button")
    await visit.family.reads("请坐到光线好的地方", "#said-text")
    assert await visit.inmate.text("#said-text") == words
    await visit.officer.reads("请坐到光线好的地方", "#timeline")


async def _mute(visit: acts.Visit) -> None:
    seat = await acts.seat_of(visit.officer, "家属")
    button = f".seat[data-seat='{seat}'] [data-part='mute']"
    await visit.officer.click(button)
    await visit.family.sees("#muted-note")
    await acts.hears_nothing(visit.inmate, "other")
    await acts.sees_and_hears(visit.officer, "family", clip.FAMILY)
    await visit.officer.click(button)
    await acts.sees_and_hears(visit.inmate, "other", clip.FAMILY)
    await visit.family.until("document.getElementById('muted-note').hidden")


async def _pause_and_resume(visit: acts.Visit) -> None:
    await visit.officer.press("p")
    await visit.officer.press("1")
    await visit.officer.until(f"{PHASE} === 'paused'")
    for person in (visit.family, visit.inmate):
        await person.sees("#paused")
    stood = await _seconds_left(visit.family)
    await acts.hears_nothing(visit.family, "other")
    await acts.sees_nothing(visit.inmate, "other")
    assert stood - await _seconds_left(visit.family) <= 1, "the clock went on in a pause"
    await acts.sees_and_hears(visit.officer, "inmate", clip.INMATE)
    await visit.officer.press("p")
    await acts.live(visit.family, visit.inmate)
    await acts.sees_and_hears(visit.family, "other", clip.INMATE)
    await acts.sees_and_hears(visit.inmate, "other", clip.FAMILY)


async def _seconds_left(person: Person) -> int:
    """What stands once the page has drawn it anew, which it does several times a second: its own timers, however late
    they are on a busy machine, run in the order in which they are due."""
    await person.evaluate("new Promise((drawn) => setTimeout(drawn, 1000))")
    minutes, seconds = (await person.text("#remaining")).split(":")
    return 60 * int(minutes) + int(seconds)


async def _hears_officer(person: Person) -> None:
    report = await person.until_value(
        "probe.report('officer')",
        lambda seen: bool(seen) and len(seen["beeps"]) >= 2,
        what="the officer's voice",
    )
    assert report["beeps"]


async def _speak_in(visit: acts.Visit) -> None:
    for person in (visit.family, visit.inmate):
        await person.watch("officer", "#announce", clip.OFFICER.pitch)
    await visit.officer.press("s")
    await visit.officer.until("document.getElementById('power-speak').ariaPressed === 'true'")
    for person in (visit.family, visit.inmate):
        await _hears_officer(person)
    await visit.officer.press("s")
    await visit.officer.until("document.getElementById('power-speak').ariaPressed === 'false'")
    await acts.hears_nothing(visit.family, "officer")


async def _mark_and_end(visit: acts.Visit) -> None:
    await visit.officer.press("m")
    await visit.officer.fill("#mark-text", "看一下这里")
    await visit.officer.press("Enter")
    await visit.officer.reads("看一下这里", "#timeline")
    await acts.end(visit.officer)
    for person in (visit.family, visit.inmate):
        await person.until("document.body.dataset.step === 'ended'")


async def test_the_visit_waits_for_an_officer_who_left(product: Product, crowd: Crowd) -> None:
    family = await crowd.chromium("family", product.url_of("wife"), "family", size=(390, 844))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(family, inmate, officer)
    await acts.watch_all(visit)
    await officer.open("/officer")
    for person in (family, inmate):
        await person.sees("#paused")
    stood = await _seconds_left(family)
    await acts.hears_nothing(family, "other")
    await acts.sees_nothing(inmate, "other")
    # Seven seconds later; what is shown is rounded, and may go by one when the server says it again.
    assert stood - await _seconds_left(family) <= 1, "the clock went on without an officer"
    await officer.open(f"/officer/visits/{visit.booking}")
    await acts.live(family, inmate)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    await acts.watch_all(visit)
    await acts.sees_and_hears(officer, "family", clip.FAMILY)
    assert crowd.complaints == []
