"""What people do in the journeys, in their own words, and what must then be seen and heard."""

import asyncio
from dataclasses import dataclass

from tests.browser.person import Person
from tests.browser.wire import Wire
from tests.fakes import clip

OTHER = ".face:not([hidden]) video"  # the only other one who is in the call
SEAT = ".seat[data-seat='{seat}'] video"


@dataclass
class Visit:
    """The three at a visit."""

    family: Person
    inmate: Person
    officer: Person
    booking: str


async def enter_demo(person: Person, key: str) -> None:
    await person.open(f"/demo/enter/{key}")


async def due_booking(inmate: Person) -> str:
    """The booking that the demonstration always has due: the terminal goes to it by itself."""
    path = await inmate.until("location.pathname.startsWith('/visits/') && location.pathname")
    return str(path).rsplit("/", 1)[-1]


async def check_and_enter(person: Person, booking: str, wire: Wire | None = None) -> None:
    """Through the device check into the lobby."""
    await person.open(f"/visits/{booking}")
    await person.click("#check-start")
    if wire is not None:
        wire.server_port = int(await person.until("window.serverPort"))
    await person.click("#enter")
    await person.until("document.body.dataset.step === 'lobby'")


async def admit_all(officer: Person, count: int) -> None:
    """Lets in `count` people who wait, one after the other."""
    for _ in range(count):
        waiting = ".seat[data-state='lobby'][data-connected='true']"
        seat = await officer.until(f'document.querySelector("{waiting}")?.dataset.seat')
        # Who was just coming back (in another coding, say) could not be let in: an officer presses again.
        press = f"""(() => {{
            const seat = document.querySelector(".seat[data-seat='{seat}']");
            if (seat.dataset.state === "admitted") return true;
            if (seat.dataset.connected === "true") seat.querySelector(".act--admit")?.click();
            return false;
        }})()"""
        await officer.until(press)


async def live(*people: Person) -> None:
    for person in people:
        await person.until("document.body.dataset.step === 'call'", what=f"{person.name} to be in the call")
        await person.until("document.getElementById('paused').hidden", what="the pause to be over")


async def gather(family: Person, inmate: Person, officer: Person, wire: Wire | None = None) -> Visit:
    """Signs the three in, brings them into the visit that is due, and waits until it is live.

    `wire`: the family's line, which must learn where the media of its page are to go.
    """
    await asyncio.gather(
        enter_demo(family, "wife"), enter_demo(inmate, "terminal"), enter_demo(officer, "monitor")
    )
    booking = await due_booking(inmate)
    await officer.open(f"/officer/visits/{booking}")
    await asyncio.gather(check_and_enter(family, booking, wire), check_and_enter(inmate, booking))
    await admit_all(officer, 2)
    await live(family, inmate)
    return Visit(family, inmate, officer, booking)


async def seat_of(officer: Person, name_part: str) -> str:
    found = await officer.until(
        f"[...document.querySelectorAll('.seat')].find(s => s.innerText.includes('{name_part}'))?.dataset.seat"
    )
    return str(found)


async def watch_all(visit: Visit) -> None:
    """Begins to watch: the family sees the inmate, the inmate the family, the officer both."""
    await visit.family.watch("other", OTHER, clip.INMATE.pitch)
    await visit.inmate.watch("other", OTHER, clip.FAMILY.pitch)
    for name, role, person in (("inmate", "服刑人员", clip.INMATE), ("family", "家属", clip.FAMILY)):
        seat = await seat_of(visit.officer, role)
        await visit.officer.watch(name, SEAT.format(seat=seat), person.pitch)


async def sees_and_hears(
    person: Person, watch: str, whom: clip.Person, *, frames: int = 20, beeps: int = 2, seconds: float = 90
) -> None:
    """`person` decodes changing frames of `whom` and hears its beeps, counted from now on."""
    since = (await person.seen(watch))["now"]
    deadline = asyncio.get_running_loop().time() + seconds
    seen = {}
    while asyncio.get_running_loop().time() < deadline:
        seen = await person.seen(watch, since)
        numbers = {frame["number"] for frame in seen["frames"]}
        wrong = [frame for frame in seen["frames"] if frame["person"] != whom.number]
        assert not wrong, f"{person.name} sees somebody else on {watch}: {wrong[:3]}"
        if len(numbers) >= frames and len(seen["beeps"]) >= beeps:
            return
        await asyncio.sleep(0.25)
    told = {key: value for key, value in seen.items() if key not in ("frames", "beeps", "flashes")}
    raise AssertionError(
        f"{person.name} did not see and hear {whom} on {watch}: {len(seen.get('frames', []))} frames, "
        f"{len(seen.get('beeps', []))} beeps, {told}"
    )


async def sees(
    person: Person, watch: str, whom: clip.Person, *, frames: int = 20, seconds: float = 90
) -> None:
    """`person` decodes that many changing frames of `whom`, counted from now on."""
    since = (await person.seen(watch))["now"]
    fresh = f"probe.report({watch!r}, {since}).frames.filter(frame => frame.person === {whom.number}).length"
    await person.until(f"{fresh} >= {frames}", seconds=seconds, what=f"{frames} frames on {watch}")


async def hears_nothing(person: Person, watch: str, *, seconds: float = 3) -> None:
    """No beep for so long (there is one each second), once the buffers of both ends have run empty."""
    await _until_nothing(person, watch, "beeps", seconds)


async def sees_nothing(person: Person, watch: str, *, seconds: float = 2) -> None:
    """No new picture for so long, likewise."""
    await _until_nothing(person, watch, "frames", seconds)


async def _until_nothing(person: Person, watch: str, what: str, seconds: float) -> None:
    """A busy machine plays late what it had got; what goes on being sent comes again in each window."""
    for _ in range(8):
        since = (await person.seen(watch))["now"]
        await asyncio.sleep(seconds)
        if not (got := (await person.seen(watch, since))[what]):
            return
    raise AssertionError(f"{person.name} still has {what} of {watch}: {got[:5]}")


async def end(officer: Person) -> None:
    await officer.click("#power-end")
    await officer.click("#end-form button")
    await officer.until("document.getElementById('desk').dataset.phase === 'ended'")
