"""The journey of a question: asked at the terminal, talked about by video, answered in writing beside the face, judged,
asked on, made a case, let lie by its desk, handed up, decided; and an officer who would like to listen and to read.
Then the disk and the log are searched for what was said."""

import json
import subprocess
from pathlib import Path

from sqlalchemy import select

import legalaid.repository
import legalaid.service
from core import clock
from core.ids import SYSTEM
from legalaid.access import station_of
from legalaid.days import HORIZON
from recording.tables import RecordingRow
from tests.browser import acts, matter_acts, place
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import KINBRIDGE, Product
from tests.browser.test_pairs import decodes
from tests.fakes import clip
from web.demo import Cast

PIN = "274918"
QUESTION, ADVICE = "工地欠我三个月工资怎么办？", "可以申请劳动仲裁，时效一年。"
REFUSED = """
(async () => {{
  const answer = await fetch("/api/v1/sittings/{sitting}/ticket", {{
    method: "POST", headers: {{"X-CSRF-Token": document.querySelector("meta[name=csrf]").content}},
  }});
  return JSON.stringify([answer.status, (await answer.json()).code]);
}})()
"""


async def ask(inmate: Person) -> None:
    await inmate.open("/terminal/lawyer")
    for field, value in (("number", place.NUMBER), ("name", place.NAME), ("pin", PIN)):
        await inmate.fill(f"#{field}", value)
    await inmate.click(".lawyer form .button--primary")
    await inmate.open("/terminal/lawyer/ask")
    await matter_acts.ask(inmate, QUESTION)


async def plan_the_day(product: Product) -> None:
    """What the worker does the evening before."""
    prison = Cast.load(place.settings_of(product)).prison
    async with place.database_of(product) as db, db.write() as session:
        station = await station_of(session, prison)
        assert station is not None
        now = clock.now()
        days = await legalaid.repository.help_days(session, station.id, now, now + HORIZON)
        assert await legalaid.service.plan(session, SYSTEM, days[0].id) == 1


async def into_the_call(person: Person, path: str) -> None:
    """`path` is opened anew: a page on its way has no ears for clicks yet."""
    await person.open(path)
    await person.click("#check-start")
    await person.click("#enter")


async def the_words(person: Person) -> str:
    """The safety words, once everything is encrypted from end to end."""
    await person.until("document.getElementById('seal').dataset.mode === 'sealed'", what="the sealing")
    words = await person.text("#seal-chinese")
    assert len(words.split(" · ")) == 6
    return words


async def talk(product: Product, lawyer: Person, inmate: Person) -> str:
    """From the question to the sealed talk; answers the path of its page."""
    await place.prepare(product)
    await place.proved(product)
    await acts.enter_demo(inmate, "terminal")
    await acts.enter_demo(lawyer, "counsel")
    await ask(inmate)
    await plan_the_day(product)
    await lawyer.open("/counsel")
    await lawyer.click("form[action$='/begin'] .button")
    path = str(await lawyer.until("location.pathname.startsWith('/sittings/') && location.pathname"))
    await into_the_call(lawyer, path)
    await inmate.open("/terminal/lawyer/questions")
    await inmate.sees(f"a[href='{path}']")
    await into_the_call(inmate, path)
    await acts.live(lawyer, inmate)
    await lawyer.sees("#closed-badge")
    words = [await the_words(person) for person in (lawyer, inmate)]
    assert words[0] == words[1]
    return path


async def test_firefox_and_chromium_open_what_the_other_sealed(product: Product, crowd: Crowd) -> None:
    lawyer = await crowd.firefox("lawyer", product.url_of("counsel"))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    await talk(product, lawyer, inmate)
    for person in (lawyer, inmate):
        await decodes(person, 1)


async def test_a_question_is_talked_about_and_nobody_listens(
    product: Product, crowd: Crowd, tmp_path: Path
) -> None:
    inmate = await crowd.performer("inmate", product.url_of("terminal"), clip.INMATE)
    lawyer = await crowd.performer("lawyer", product.url_of("counsel"), clip.FAMILY)
    officer = await crowd.chromium("officer", product.url_of("monitor"))
    await acts.enter_demo(officer, "monitor")
    path = await talk(product, lawyer, inmate)
    sitting = path.rsplit("/", 1)[-1]
    await lawyer.watch("other", acts.OTHER, clip.INMATE.pitch)
    await inmate.watch("other", acts.OTHER, clip.FAMILY.pitch)
    await acts.sees_and_hears(lawyer, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)

    assert json.loads(await officer.evaluate(REFUSED.format(sitting=sitting))) == [403, "no-officer-here"]
    await officer.open(path)
    await officer.until("document.body.innerText.includes('404') || !document.getElementById('stage')")

    await lawyer.fill("#beside-words", ADVICE)
    await lawyer.click("#beside-form button")
    await lawyer.reads("已发送", "#beside-said")
    await lawyer.click(".beside form[action$='/done'] button")
    await lawyer.until("location.pathname === '/counsel'")
    await inmate.until("document.body.dataset.step === 'ended'")
    await inmate.open(f"{path}/receipt")
    await inmate.reads("不录音录像，不受监控")
    receipt = tmp_path / "receipt.json"
    receipt.write_text(await inmate.text(".receipt-file pre"), encoding="utf-8")
    checked = [str(KINBRIDGE), "verify", "receipt", str(receipt), "--keys", str(product.data / "keys")]
    assert (
        "not recorded, not monitored"
        in subprocess.run(checked, capture_output=True, text=True, check=True).stdout
    )
    await inmate.open("/terminal/lawyer/questions")
    await inmate.click("form[action$='/opinion'] button")
    await inmate.until("!document.querySelector(\"form[action$='/opinion']\")")
    await inmate.click(".lawyer-item h2 a")
    await inmate.reads(ADVICE)
    await _to_a_decision(product, inmate, lawyer, officer)

    refused = await place.entries(product, "officer:ticket:refused")
    assert [entry.subject_id for entry in refused] == [sitting]
    assert await _recorded(product) == 0
    traces = [p for p in [*product.data.rglob("*"), *product.folder.glob("*.log")] if p.is_file()]
    for words in (QUESTION, ADVICE, matter_acts.FOLLOW_UP, matter_acts.CASE):
        assert [str(p) for p in traces if words.encode() in p.read_bytes()] == []


async def _to_a_decision(product: Product, inmate: Person, lawyer: Person, officer: Person) -> None:
    """From the answer that lies open at the terminal."""
    question = str(await inmate.evaluate("location.pathname")).rsplit("/", 1)[-1]
    await matter_acts.ask_on(inmate)
    case = await matter_acts.apply(inmate)
    await inmate.reads("驻监法律援助工作站最迟")
    await matter_acts.is_shown_nothing(officer, f"/cases/{case}", f"/counsel/questions/{question}")

    # The same browser, at other desks: each has a host and so a session of its own.
    admin, clerk = (Person(name, officer.browser, product.url_of(name)) for name in ("admin", "clerk"))
    await acts.enter_demo(admin, "admin")
    await acts.enter_demo(clerk, "clerk")
    await matter_acts.let_lie(product, case, 19)  # three quarters of the 24 hours are over
    await admin.open("/lights?colour=yellow")
    await admin.reads("转交申请", "main table")
    await matter_acts.let_lie(product, case, 6)
    await admin.open("/lights?colour=red")
    await admin.reads("市督查室", "main table")
    await inmate.open(f"/terminal/lawyer/cases/{case}")
    await inmate.reads("市督查室")  # who waits is told who holds it now
    await matter_acts.decide(lawyer, clerk, case)
    await inmate.open(f"/terminal/lawyer/cases/{case}")
    await inmate.reads("指派通知书")
    await admin.open("/reviews?by=month")
    await admin.reads("转交申请", "main table")


async def _recorded(product: Product) -> int:
    async with place.database_of(product) as db, db.read() as session:
        return len((await session.scalars(select(RecordingRow.id))).all())
