"""How a new relative gets to a confirmed visit, page by page, and the officer who decides about it."""

import io
import re
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from PIL import Image

from core import clock
from tests.browser.chromium import Chromium
from tests.browser.person import Person
from tests.browser.place import NAME, NUMBER, Place
from tests.browser.product import Product

PHONE = "13900000123"


async def submit(person: Person, form: str) -> None:
    await person.click(f"form[action='{form}'] button:not(.button--quiet)")


def code_from_outbox(product: Product) -> str:
    """The six digits of the newest message in the demonstration's outbox."""
    page = httpx.get(f"{product.url}/demo/outbox").text
    found = re.search(r"\b(\d{6})\b", re.sub(r"<[^>]+>", " ", page.partition("<main")[2]))
    assert found, page
    return found[1]


def household_register(folder: Path) -> Path:
    """A photograph of a paper, as a telephone would make it."""
    picture = io.BytesIO()
    Image.effect_noise((1200, 900), 40).convert("RGB").save(picture, "JPEG")
    path = folder / "户口簿.jpg"
    path.write_bytes(picture.getvalue())
    return path


async def register(person: Person, product: Product) -> None:
    await person.open("/signin")
    await person.fill("#phone", PHONE)
    await submit(person, "/signin")
    await person.sees("#code")
    await person.fill("#code", code_from_outbox(product))
    await submit(person, "/signin/code")
    await person.sees("#document")
    await person.fill("#name", "周敏")
    await person.fill("#document", "340104198506120022")
    await person.fill("#born", date(1985, 6, 12).isoformat())
    await person.click("#consent")
    await submit(person, "/register")
    await person.until("location.pathname === '/home'")


async def apply(person: Person, place: Place, proof: Path) -> None:
    """Asks to be known as the inmate's sister, with a paper that shows it."""
    await person.open("/relationships/new")
    await person.evaluate(f"document.getElementById('prison_id').value = '{place.prison_id}'")
    await person.fill("#inmate_name", NAME)
    await person.fill("#inmate_number", NUMBER)
    await person.evaluate("document.getElementById('kinship').value = 'sibling'")
    assert isinstance(person.browser, Chromium)
    await person.browser.page.set_input_files("#proof", proof)
    await submit(person, "/relationships")
    await person.until("/^.relationships/.test(location.pathname) && !document.getElementById('proof')")


async def decide(officer: Person, kind: str) -> None:
    """Opens the first case of a kind ("relationships" or "bookings") and approves it."""
    await officer.open("/approvals")
    await officer.click(f"a[href^='/approvals/{kind}/']")
    await officer.click("form[action$='/approve'] button")
    await officer.until("!document.querySelector(\"form[action$='/approve']\")")


async def book(person: Person, place: Place) -> str:
    """Takes the slot, says who comes, reads it back and sends it; answers the booking's id."""
    await person.open("/book")
    await person.until(
        "location.pathname.startsWith('/book/') || document.querySelector(\"main a[href^='/book/']\")"
    )
    if not await person.evaluate("location.pathname.startsWith('/book/')"):
        await person.click("main a[href^='/book/']")
    await person.until("document.querySelector('table.month')")
    inmate = str(await person.evaluate("location.pathname")).split("/")[2]
    await person.open(f"/book/{inmate}/{date_of_now()}")
    taken = f"form:has(input[name='slot_id'][value='{place.slot_id}']) button"
    await person.click(taken)
    await person.until("location.pathname.startsWith('/bookings/')")
    if await person.evaluate("!!document.querySelector(\"input[name='visitor'][type=checkbox]\")"):
        await person.evaluate("document.querySelector(\"input[name='visitor']\").checked = true")
        await person.click("form[action$='/visitors'] button:not(.button--quiet)")
    await person.click("form[action$='/request'] button:not(.button--quiet)")
    await person.until("!document.querySelector(\"form[action$='/request']\")")
    return str(await person.evaluate("location.pathname")).split("/")[2]


def date_of_now() -> str:
    """Today in the prison's zone."""
    return clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat()


async def enrol_terminal(terminal: Person, place: Place) -> None:
    await terminal.open("/terminal/enrol")
    await terminal.fill("input[name='code']", place.code)
    await terminal.click("[data-enrol] button[type=submit]")
    await terminal.until("location.pathname === '/terminal'")
