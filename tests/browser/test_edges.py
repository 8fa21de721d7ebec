"""Real browsers at the edges of the media plane: a call in H.264, and a device that comes by WHIP."""

import asyncio
from statistics import median
from typing import IO

from tests.browser import acts, place
from tests.browser.chromium import performance
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.browser.test_visit import LIP_SYNC, _play_back
from tests.fakes import clip
from tests.fakes.reading import read

# A device whose only coding is H.264, as far as the page can tell.
WITHOUT_VP8 = """
for (const side of [RTCRtpSender, RTCRtpReceiver]) {
  const all = side.getCapabilities.bind(side);
  side.getCapabilities = (kind) => ({ ...all(kind), codecs: all(kind).codecs.filter((c) => !/vp8/i.test(c.mimeType)) });
}
"""
# What a WHIP client does, in twenty lines; it receives on the same m-lines.
WHIP = """(async () => {
  const csrf = document.querySelector("meta[name=csrf]").content;
  const asked = await fetch("/api/v1/visits/BOOKING/ticket", {
    method: "POST", headers: { "X-CSRF-Token": csrf, Accept: "application/json" } });
  const bearer = { Authorization: `Bearer ${(await asked.json()).ticket}` };
  const camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  const connection = (window.whip = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
  const remote = document.createElement("video");
  Object.assign(remote, { id: "remote", autoplay: true, srcObject: new MediaStream() });
  document.body.append(remote);
  connection.ontrack = ({ track }) => remote.srcObject.addTrack(track);
  for (const track of camera.getTracks()) connection.addTransceiver(track, { direction: "sendrecv" });
  await connection.setLocalDescription();
  const answer = await fetch("/whip", {
    method: "POST", headers: { ...bearer, "Content-Type": "application/sdp" }, body: connection.localDescription.sdp });
  if (answer.status !== 201) return `${answer.status} ${await answer.text()}`;
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  window.leave = () => fetch(answer.headers.get("Location"), { method: "DELETE", headers: bearer });
  return "in";
})()"""
# A player: it only receives, the sound and the picture of two others, each pair in an element of its own.
WHEP = """(async () => {
  const csrf = document.querySelector("meta[name=csrf]").content;
  const asked = await fetch("/api/v1/visits/BOOKING/ticket", {
    method: "POST", headers: { "X-CSRF-Token": csrf, Accept: "application/json" } });
  const bearer = { Authorization: `Bearer ${(await asked.json()).ticket}` };
  const connection = (window.whep = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
  for (const line of [0, 1]) {
    const shown = document.createElement("video");
    Object.assign(shown, { id: `line${line}`, autoplay: true, srcObject: new MediaStream() });
    document.body.append(shown);
    for (const kind of ["audio", "video"]) {
      shown.srcObject.addTrack(connection.addTransceiver(kind, { direction: "recvonly" }).receiver.track);
    }
  }
  await connection.setLocalDescription();
  const answer = await fetch("/whep", {
    method: "POST", headers: { ...bearer, "Content-Type": "application/sdp" }, body: connection.localDescription.sdp });
  if (answer.status !== 201) return `${answer.status} ${await answer.text()}`;
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  window.leave = () => fetch(answer.headers.get("Location"), { method: "DELETE", headers: bearer });
  return "in";
})()"""


async def test_a_call_in_h264_is_seen_heard_recorded_and_played_back(product: Product, crowd: Crowd) -> None:
    scripts = (performance(clip.FAMILY), WITHOUT_VP8)
    family = await crowd.chromium("family", product.url_of("wife"), scripts=scripts)
    inmate = await crowd.performer("inmate", product.url_of("terminal"), clip.INMATE)
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(family, inmate, officer)
    await acts.watch_all(visit)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    await acts.sees_and_hears(officer, "inmate", clip.INMATE)
    await acts.sees_and_hears(officer, "family", clip.FAMILY)
    await asyncio.sleep(6)
    await acts.end(officer)
    await _play_back(officer, visit.booking)
    folders = list((product.data / "recordings").glob("*/*/*/*"))
    files = {
        name: file for folder in folders for name, file in (await place.tracks(product, folder.name)).items()
    }
    pictures = [file for name, file in files.items() if name.endswith(".mkv")]
    skews = [skew for file in pictures for skew in _skews(file)]
    assert len(pictures) >= 2, list(files)
    assert len(skews) > 6
    assert abs(median(skews)) < LIP_SYNC, skews
    for folder in folders:
        verdict = product.run("verify", "recording", str(folder))
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def _skews(file: IO[bytes]) -> list[float]:
    """Of whoever is in the picture."""
    for person in (clip.FAMILY, clip.INMATE):
        file.seek(0)
        reading = read(file, person.pitch)
        if any(frame.person == person.number for frame in reading.frames):
            return reading.skews()
    return []


async def test_a_terminal_by_whip_and_a_player_by_whep_are_seats_like_any_other(
    product: Product, crowd: Crowd
) -> None:
    player = await crowd.chromium("player", product.url_of("grandmother"))
    family = await crowd.performer("family", product.url_of("wife"), clip.FAMILY)
    device = await crowd.performer("device", product.url_of("terminal"), clip.INMATE)
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    await asyncio.gather(
        *(acts.enter_demo(p, k) for p, k in ((family, "wife"), (device, "terminal"), (officer, "monitor")))
    )
    booking = await acts.due_booking(device)
    await officer.open(f"/officer/visits/{booking}")
    await acts.check_and_enter(family, booking)
    await device.open("/check")
    assert await device.evaluate(WHIP.replace("BOOKING", booking)) == "in"
    await acts.admit_all(officer, 2)
    await acts.live(family)
    await family.watch("other", acts.OTHER, clip.INMATE.pitch)
    await device.watch("other", "#remote", clip.FAMILY.pitch)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(device, "other", clip.FAMILY)
    await _plays(player, officer, booking)
    assert await device.evaluate("leave().then((answer) => answer.status)") == 200
    await officer.until("document.getElementById('desk').dataset.phase === 'paused'")
    await acts.end(officer)


async def _plays(player: Person, officer: Person, booking: str) -> None:
    """The second relative's seat on a device that only plays: let in like her, hears and sees what she would."""
    await acts.enter_demo(player, "grandmother")
    assert await player.evaluate(WHEP.replace("BOOKING", booking)) == "in"
    for name in ("line0", "line1"):
        await player.watch(name, f"#{name}", clip.FAMILY.pitch)
    await acts.sees_nothing(player, "line0")  # in the lobby
    await acts.admit_all(officer, 1)
    for line, whom in await _lines(player):
        await player.watch(f"{line}-{whom.number}", f"#{line}", whom.pitch)
        await acts.sees_and_hears(player, f"{line}-{whom.number}", whom, frames=5)
    await officer.press("p")
    await officer.press("1")
    await officer.until("document.getElementById('desk').dataset.phase === 'paused'")
    await acts.sees_nothing(player, "line0")
    await officer.press("p")
    await officer.until("document.getElementById('desk').dataset.phase === 'live'")
    await acts.sees(player, "line0", (await _lines(player))[0][1], frames=5)
    assert await player.evaluate("whep.getSenders().every((one) => !one.track)")
    assert await player.evaluate("leave().then((answer) => answer.status)") == 200


async def _lines(player: Person) -> list[tuple[str, clip.Person]]:
    """Whom each line shows: by the picture itself."""
    found = []
    for line in ("line0", "line1"):
        since = (await player.seen(line))["now"]
        number = await player.until(
            f"probe.report('{line}', {since}).frames[0]?.person", what=f"a picture on {line}"
        )
        found.append((line, next(one for one in (clip.FAMILY, clip.INMATE) if one.number == number)))
    assert found[0][1] is not found[1][1]
    return found
