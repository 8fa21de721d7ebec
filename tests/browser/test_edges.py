"""Real browsers at the edges of the media plane: a call in H.264, and a device that comes by WHIP."""

import asyncio
from pathlib import Path
from statistics import median

import pytest

from tests.browser import acts
from tests.browser.chromium import performance
from tests.browser.conftest import Crowd
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


@pytest.mark.timeout(300)
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
    pictures = [path for folder in folders for path in folder.glob("*.mkv")]
    skews = [skew for path in pictures for skew in _skews(path)]
    assert len(pictures) >= 2, [path.name for folder in folders for path in folder.iterdir()]
    assert len(skews) > 6
    assert abs(median(skews)) < LIP_SYNC, skews
    for folder in folders:
        verdict = product.run("verify", "recording", str(folder))
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def _skews(path: Path) -> list[float]:
    """Of whoever is in the picture."""
    for person in (clip.FAMILY, clip.INMATE):
        reading = read(path, person.pitch)
        if any(frame.person == person.number for frame in reading.frames):
            return reading.skews()
    return []


@pytest.mark.timeout(300)
async def test_a_terminal_that_comes_by_whip_is_a_seat_like_any_other(product: Product, crowd: Crowd) -> None:
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
    assert await device.evaluate("leave().then((answer) => answer.status)") == 200
    await officer.until("document.getElementById('desk').dataset.phase === 'paused'")
    await acts.end(officer)
