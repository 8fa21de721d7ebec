"""What becomes of an answer, in real browsers: asked on, applied for, left lying, handed up, decided."""

from datetime import timedelta

from legalaid import case_file, clocks, tasks
from tests.browser import place
from tests.browser.person import Person
from tests.browser.product import Product

FOLLOW_UP, CASE, GOAL = "仲裁要多少钱？", "工地欠我三个月工资，包工头不接电话。", "要回工资"


async def ask(inmate: Person, words: str) -> None:
    """On the form for questions: a follow-up's where the inmate came from an answer."""
    await inmate.click("input[value=work]")
    await inmate.fill("#words", words)
    await inmate.click("form[action='/terminal/lawyer/ask'] .button--primary")
    await inmate.sees(".band--green")


async def ask_on(inmate: Person) -> None:
    """From the answer that lies open, in its thread."""
    await inmate.click("a[href*='/terminal/lawyer/ask?follows=']")
    await ask(inmate, FOLLOW_UP)


async def apply(inmate: Person) -> str:
    """From the newest question in one step, filled in with what is known; answers the case's id."""
    await inmate.click(".lawyer-item h2 a")
    await inmate.click("a[href*='/terminal/lawyer/apply?question=']")
    await inmate.until(f"document.getElementById('facts')?.value === {FOLLOW_UP!r}")
    await inmate.fill("#facts", CASE)
    await inmate.fill("#goal", GOAL)
    await inmate.evaluate("document.getElementById('venue').value = 'authority'")
    await inmate.click("input[name=exemption][value=migrant-wages]")
    await inmate.click("form[action='/terminal/lawyer/apply'] .button--primary")
    path = await inmate.until("location.pathname.includes('/lawyer/cases/') && location.pathname")
    return str(path).rsplit("/", 1)[-1]


async def let_lie(product: Product, case_id: str, hours: int) -> None:
    """So many hours pass for the desk that holds the case; then the worker looks at the lights."""
    async with place.database_of(product) as db:
        async with db.write() as session:
            row = await clocks.of_matter(session, case_file.matter(case_id))
            assert row is not None
            for name in ("since", "yellow_at", "due_at", "told_at"):
                if (moment := getattr(row, name)) is not None:
                    setattr(row, name, moment - timedelta(hours=hours))
        await tasks.turn_lights(db)


async def decide(station: Person, centre: Person, case_id: str) -> None:
    """The station forwards it after all, the centre grants it and names a lawyer."""
    for who, act in ((station, "forward"), (centre, "approve"), (centre, "assign")):
        await who.open(f"/cases/{case_id}?act={act}")
        if act == "assign":
            await who.evaluate("document.getElementById('lawyer_id').selectedIndex = 1")
        await who.click(f"form[action$='/{act}'] .button")
        await who.until(f"location.pathname === '/cases/{case_id}' && !location.search")


async def is_shown_nothing(officer: Person, *paths: str) -> None:
    """Pages that are not an officer's: refused, and without a word of what they hold."""
    for path in paths:
        await officer.open(path)
        said = await officer.text()
        assert not any(words in said for words in (CASE, FOLLOW_UP, GOAL)), path
        status = await officer.evaluate("performance.getEntriesByType('navigation')[0].responseStatus")
        assert status in (403, 404), (path, status)
