"""Every state of the live pages in two languages and two sizes: pictures for people, and rules for machines.

No accessibility violation, nothing wider than the screen (down to 360 px), no script error, no policy breach.
What a screen reader meets is the same in both languages, so it is judged in one; the longer words are English.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.browser import acts
from tests.browser.chromium import Chromium
from tests.browser.conftest import Crowd
from tests.browser.gallery import violations
from tests.browser.person import Person
from tests.browser.product import Product
from tests.imported import ROOT

SCREENS = ROOT / "var" / "screens"
SIZES = ((390, 844), (1440, 900))
NARROW = (360, 740)
_PORTRAIT = Path(__file__).with_name("portrait.js").read_text(encoding="utf-8")
WIFE = {
    "wall": ["#efe3d0", "#dcc9ae"], "window": "#cfe3ea", "clothes": "#2f6f73", "cheek": "rgb(220 120 100 / 35%)",
    "skin": ["#f0c9a6", "#e3b48c"], "hair": {"colour": "#2b221e", "long": True},
}  # fmt: skip
HUSBAND = {
    "wall": ["#c9d2d6", "#aab7bd"], "window": "#b9c6cc", "clothes": "#4a5f78", "cheek": "rgb(200 110 90 / 25%)",
    "skin": ["#e3b68e", "#d3a179"], "hair": {"colour": "#26262a", "long": False},
}  # fmt: skip


def portrait(look: Mapping[str, object]) -> str:
    return _PORTRAIT.replace("LOOK", json.dumps(look))


async def picture(person: Person, name: str, language: str, problems: list[str]) -> None:
    """Takes both pictures of the page as it stands, and says what is wrong with it."""
    assert isinstance(person.browser, Chromium)
    page = person.browser.page
    for width, height in (NARROW, *SIZES):
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        across = await page.evaluate("document.documentElement.scrollWidth")
        if across > width:
            problems.append(f"{name}-{language}: {across} px wide on a screen of {width} px")
        if (width, height) != NARROW:
            await person.browser.screenshot(SCREENS / f"{name}-{width}-{language}.png", width, height)
        if (width, height) != NARROW and language == "zh":
            problems += [f"{name}-{language}-{width}: {found}" for found in await violations(page)]


async def speak(person: Person, language: str) -> None:
    """Makes the pages speak this language to this person, by the button that every page has."""
    token = "document.querySelector('meta[name=csrf]').content"
    form = "'Content-Type': 'application/x-www-form-urlencoded'"
    headers = f"{{'X-CSRF-Token': {token}, {form}}}"
    await person.evaluate(
        f"fetch('/language', {{method: 'POST', headers: {headers}, body: 'language={language}'}}).then(() => 1)"
    )


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_live_pages(product: Product, crowd: Crowd, language: str) -> None:
    problems: list[str] = []
    family = await crowd.chromium("family", product.url_of("wife"), scripts=(portrait(WIFE),))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), scripts=(portrait(HUSBAND),))
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer")
    for person, key in ((family, "wife"), (inmate, "terminal"), (officer, "monitor")):
        await acts.enter_demo(person, key)
        await speak(person, language)
    booking = await acts.due_booking(inmate)
    await _before(family, booking, language, problems)
    await acts.check_and_enter(inmate, booking)
    await officer.open(f"/officer/visits/{booking}")
    await officer.until("document.querySelectorAll(\".seat[data-connected='true']\").length >= 2")
    await picture(family, "lobby", language, problems)
    await picture(officer, "desk-lobby", language, problems)
    await acts.admit_all(officer, 2)
    await acts.live(family, inmate)
    await _talk(family, inmate, officer, language, problems)
    await acts.end(officer)
    await family.until("document.body.dataset.step === 'ended'")
    await picture(family, "ended", language, problems)
    await picture(officer, "desk-ended", language, problems)
    assert problems == []
    assert crowd.complaints == []


async def _before(family: Person, booking: str, language: str, problems: list[str]) -> None:
    await family.open("/check")
    await picture(family, "device-check-alone", language, problems)
    await family.open(f"/visits/{booking}")
    await picture(family, "device-check-before", language, problems)
    await family.click("#check-start")
    await family.click("#tone-play")
    await family.click("#tone-heard")
    await family.until("document.getElementById('check-sum').dataset.state === 'good'")
    await picture(family, "device-check-done", language, problems)
    await family.click("#enter")
    await family.until("document.body.dataset.step === 'lobby'")


async def _talk(family: Person, inmate: Person, officer: Person, language: str, problems: list[str]) -> None:
    await family.until("document.querySelector('.face:not([hidden]) video')?.videoWidth > 0")
    await picture(family, "call", language, problems)
    await picture(inmate, "call-terminal", language, problems)
    await picture(officer, "desk-live", language, problems)
    await officer.press("w")
    await picture(officer, "desk-warn", language, problems)
    await officer.press("1")
    await family.until("document.getElementById('said-text').textContent !== ''")
    await picture(family, "call-warned", language, problems)
    await family.click("#help")
    await picture(family, "call-help", language, problems)
    await family.press("Escape")
    await officer.press("p")
    await officer.press("2")
    await family.sees("#paused")
    await picture(family, "call-paused", language, problems)
    await picture(officer, "desk-paused", language, problems)
    await officer.press("p")
    await acts.live(family, inmate)
