"""A closed meeting in real browsers: an officer who sees and never hears, an older Chromium that seals by streams, and
a power cut in the middle: nothing of it lies anywhere, and it goes on afterwards."""

import asyncio
import json
from datetime import timedelta

from sqlalchemy import select

import people.repository
from core import clock
from core.ids import SYSTEM, Ref, new_id
from recording.tables import RecordingRow
from rooms import sittings
from rooms.agreed import Party
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import SeatRole
from rooms.sittings import Plan
from tests.browser import acts, place
from tests.browser.chromium import performance
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.browser.test_lawyer_turn import PIN, into_the_call, the_words
from tests.fakes import clip
from web.demo import Cast

WORDS = "请叫医生，暗语七七四十九"
# The beginnings of Matroska, Ogg, IVF, WAV and MP4 files would lie here if anything had been taped.
MAGIC = (b"\x1a\x45\xdf\xa3", b"OggS", b"DKIF", b"RIFF", b"\x00\x00\x00\x18ftyp")
# As before Chromium 141: frames reach a worker by createEncodedStreams only.
OLDER = "delete window.RTCRtpScriptTransform;"
# What an officer's browser was offered, and what arrived: m-lines and packets of sound.
SOUND = """(async () => {
  const call = window.connections.findLast((one) => one.connectionState !== "closed");
  const all = [...(await call.getStats()).values()];
  const of = (kind) => all.filter((one) => one.type === "inbound-rtp" && one.kind === kind);
  return JSON.stringify({
    lines: call.remoteDescription.sdp.split("\\n").filter((line) => line.startsWith("m=audio")).length,
    packets: of("audio").reduce((sum, one) => sum + one.packetsReceived, 0),
    frames: of("video").reduce((sum, one) => sum + (one.framesDecoded ?? 0), 0),
  });
})()"""


async def agreed(product: Product, how: Confidentiality) -> str:
    """A lawyer's meeting that is due now, at whichever terminal the inmate shows the code; the path of its page."""
    await place.proved(product)
    cast = Cast.load(place.settings_of(product))
    now = clock.now()
    async with place.database_of(product) as db, db.write() as session:
        inmate = await people.repository.find_inmate(session, cast.prison, place.NUMBER)
        assert inmate is not None
        plan = Plan(
            kind=RoomKind.LEGAL,
            confidentiality=how,
            basis="left-to-prison-looks-on",
            matter=Ref("lawyer-meeting", new_id("mtg")),
            prison_id=cast.prison,
            parties=(
                Party(SeatRole.COUNSEL, Ref("counsel", cast.counsel), "孙律师"),
                Party(SeatRole.INMATE, Ref("inmate", inmate.id), place.NAME),
            ),
            starts_at=now,
            ends_at=now + timedelta(minutes=20),
            minutes=15,
        )
        return f"/sittings/{await sittings.agree(session, SYSTEM, plan)}"


async def at_the_terminal(inmate: Person) -> None:
    """Number, name and code: whoever stands here is known."""
    await acts.enter_demo(inmate, "terminal")
    await inmate.open("/terminal/lawyer")
    for field, value in (("number", place.NUMBER), ("name", place.NAME), ("pin", PIN)):
        await inmate.fill(f"#{field}", value)
    await inmate.click(".lawyer form .button--primary")
    await inmate.until("location.pathname === '/terminal/lawyer/questions'")


async def both_talk(lawyer: Person, inmate: Person) -> None:
    """Each sees and hears the other, and both read the same words."""
    await acts.live(lawyer, inmate)
    words = [await the_words(person) for person in (lawyer, inmate)]
    assert words[0] == words[1]
    await lawyer.watch("other", acts.OTHER, clip.INMATE.pitch)
    await inmate.watch("other", acts.OTHER, clip.FAMILY.pitch)
    await acts.sees_and_hears(lawyer, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)


async def sees_and_has_no_ear(officer: Person) -> None:
    """Pictures of both, and not even a line on which sound could come."""
    told = await officer.until_value(
        SOUND, lambda found: bool(found) and json.loads(found)["frames"] > 10, what="pictures at the desk"
    )
    assert {key: json.loads(told)[key] for key in ("lines", "packets")} == {"lines": 0, "packets": 0}


def traces(product: Product, words: str) -> list[str]:
    """Files of the installation, its logs and the system's dumps that hold the words, or any sound or picture."""
    found = []
    for path in [*product.data.rglob("*"), *product.folder.glob("*")]:
        if path.is_file():
            content = path.read_bytes()
            media = any(content.startswith(magic) for magic in MAGIC)
            if words.encode() in content or media or path.name.startswith("core"):
                found.append(str(path))
    return found


async def test_an_officer_sees_and_never_hears_and_a_power_cut_leaves_nothing(
    product: Product, crowd: Crowd
) -> None:
    inmate = await crowd.performer("inmate", product.url_of("terminal"), clip.INMATE)
    lawyer = await crowd.chromium(
        "lawyer", product.url_of("counsel"), scripts=(performance(clip.FAMILY), OLDER)
    )
    officer = await crowd.chromium("officer", product.url_of("monitor"))
    await place.prepare(product)
    path = await agreed(product, Confidentiality.VISUAL_ONLY)
    await asyncio.gather(
        acts.enter_demo(lawyer, "counsel"), acts.enter_demo(officer, "monitor"), at_the_terminal(inmate)
    )
    assert await lawyer.evaluate("'RTCRtpScriptTransform' in window") is False
    await officer.open("/officer/sittings")
    await officer.click(f"a[href='/officer{path}']")
    await asyncio.gather(into_the_call(lawyer, path), into_the_call(inmate, path))
    await both_talk(lawyer, inmate)
    await sees_and_has_no_ear(officer)
    shown = "[...document.querySelectorAll('.powers .power:not([hidden])')].map(one => one.id).join()"
    assert await officer.evaluate(shown) == "power-warn,power-pause,power-end"
    await inmate.click("#help")
    await inmate.fill("#help-text", WORDS)
    await inmate.click("#help-form .button--primary")
    await officer.reads(WORDS, "#alarm-text")

    product.kill()
    assert traces(product, WORDS) == []
    await lawyer.sees("#lost")
    product.start()
    await both_talk(lawyer, inmate)
    await officer.until("document.getElementById('desk').dataset.phase === 'live'")
    await sees_and_has_no_ear(officer)
    await officer.click("#power-end")
    await officer.click("#end-form button")
    for person in (lawyer, inmate):
        await person.until("document.body.dataset.step === 'ended'")
    await lawyer.open(f"{path}/receipt")
    told = json.loads(await lawyer.text(".receipt-file pre"))["statement"]
    assert {key: told[key] for key in ("recorded", "monitored", "officer_can_hear", "officer_can_see")} == {
        "recorded": False,
        "monitored": False,
        "officer_can_hear": False,
        "officer_can_see": True,
    }
    assert told["talked_ms"] > 0
    async with place.database_of(product) as db, db.read() as session:
        assert (await session.scalars(select(RecordingRow.id))).all() == []
    assert traces(product, WORDS) == []
    assert crowd.complaints == []
