"""The device check, on good devices and on all the others: each trouble has its words and its way out."""

import json
from pathlib import Path

from tests.browser import acts
from tests.browser.chromium import Chromium
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.fakes import clip

FAKE = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"


async def results(person: Person) -> dict[str, str]:
    """The state of each part, once the network has been measured."""
    await person.until("!document.getElementById('check-again').disabled")
    found: dict[str, str] = await person.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.tick')].map(t => [t.id.slice(5), t.dataset.state]))"
    )
    return found


async def at_check(person: Person, key: str = "wife") -> None:
    await acts.enter_demo(person, key)
    await person.open("/check")
    await person.click("#check-start")


async def test_all_five_parts_and_the_report(shared: Product, crowd: Crowd, tmp_path: Path) -> None:
    person = await crowd.chromium("family", shared.url_of("wife"), "family", size=(390, 844))
    await at_check(person)
    await person.click("#tone-play")
    await person.click("#tone-heard")
    assert await results(person) == dict.fromkeys(
        ("browser", "camera", "microphone", "speaker", "network"), "good"
    )
    await person.reads("一切正常", "#check-sum")
    assert isinstance(person.browser, Chromium)
    for again in range(2):
        async with person.browser.page.expect_download() as download:
            await person.click("#report button")
        path = tmp_path / f"report{again}.txt"
        await (await download.value).save_as(path)
        words = path.read_text(encoding="utf-8")
        assert "摄像头: 正常" in words
        details = json.loads(words[words.index("{") :])
        assert details["report"]["measured"]["network"]["received"] > 0
        assert details["report"]["measured"]["camera"]["width"] == clip.WIDTH
    assert crowd.complaints == []


async def test_permission_refused(shared: Product, crowd: Crowd) -> None:
    person = await crowd.chromium("family", shared.url_of("wife"), flags=(FAKE,))
    await at_check(person)
    found = await results(person)
    assert (found["camera"], found["microphone"]) == ("bad", "bad")
    await person.reads("没有得到使用许可", "#tick-camera")
    await person.reads("锁形", "#tick-camera .tick-mend")
    assert crowd.complaints == []


async def test_no_device_at_all(shared: Product, crowd: Crowd) -> None:
    person = await crowd.chromium("family", shared.url_of("wife"), flags=(ALLOWED,))
    await at_check(person)
    found = await results(person)
    assert (found["camera"], found["microphone"]) == ("bad", "bad")
    await person.reads("没有找到", "#tick-camera")
    assert crowd.complaints == []


async def test_an_address_without_https(shared: Product, crowd: Crowd) -> None:
    """A browser that reaches the server by a plain address may use no camera: it is told so."""
    rule = "--host-resolver-rules=MAP visits.example 127.0.0.1"
    person = await crowd.chromium("family", f"http://visits.example:{shared.port}", "family", flags=(rule,))
    await at_check(person)
    assert (await results(person))["browser"] == "bad"
    await person.reads("https://", "#tick-camera .tick-mend")


async def test_the_window_of_wechat(shared: Product, crowd: Crowd) -> None:
    script = (
        "Object.defineProperty(Navigator.prototype, 'mediaDevices', {get: () => undefined});"
        "Object.defineProperty(Navigator.prototype, 'userAgent', {get: () => 'Mozilla/5.0 MicroMessenger/8.0.25'});"
    )
    person = await crowd.chromium("family", shared.url_of("wife"), scripts=(script,))
    await at_check(person)
    assert (await results(person))["browser"] == "bad"
    await person.reads("在浏览器打开", "#tick-browser .tick-mend")


async def test_without_script(shared: Product, crowd: Crowd) -> None:
    person = await crowd.chromium("family", shared.url_of("wife"), javascript=False)
    assert isinstance(person.browser, Chromium)
    page = person.browser.page
    await page.goto(f"{person.base_url}/demo/enter/wife")
    await page.goto(f"{person.base_url}/check")
    assert "JavaScript" in await page.inner_text("main")
    assert not await page.is_visible("#check-start")


async def test_a_voice_without_a_picture(product: Product, crowd: Crowd) -> None:
    """No camera: the relative takes part with sound, and the others see a tile with the name."""
    no_camera = """{
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = (wanted) =>
        wanted.video ? Promise.reject(new DOMException("none", "NotFoundError")) : open(wanted);
    }"""
    family = await crowd.chromium("family", product.url_of("wife"), "family", scripts=(no_camera,))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer")
    await acts.gather(family, inmate, officer)
    await inmate.watch("other", acts.OTHER, clip.FAMILY.pitch)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY, frames=0, beeps=3)
    await inmate.sees(".face:not([hidden]) .face-blank")
    await family.watch("other", acts.OTHER, clip.INMATE.pitch)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    assert await family.evaluate("document.getElementById('camera-switch').disabled")
    assert crowd.complaints == []


async def test_a_browser_that_wants_a_touch_before_it_plays(product: Product, crowd: Crowd) -> None:
    """As iOS and WeChat do after a reload: no sound without a touch. The page asks for one, and then plays."""
    strict = """{
      const play = HTMLMediaElement.prototype.play;
      let touched = false;
      document.addEventListener("pointerdown", () => { touched = true; }, true);
      HTMLMediaElement.prototype.play = function () {
        if (touched || this.muted) return play.call(this);
        this.autoplay = false;
        this.pause();
        return Promise.reject(new DOMException("a touch is needed", "NotAllowedError"));
      };
    }"""
    family = await crowd.chromium("family", product.url_of("wife"), "family", scripts=(strict,))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer")
    await acts.gather(family, inmate, officer)
    await family.evaluate("location.reload()")
    await acts.live(family)
    await family.click("#hear-now")
    await family.until("document.getElementById('hear-now').hidden")
    await family.watch("other", acts.OTHER, clip.INMATE.pitch)
    await acts.sees_and_hears(family, "other", clip.INMATE)
