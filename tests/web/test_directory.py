"""The directory on the pages: everybody looks, one touch asks, administrators bring the file."""

from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import cities, directory, repository, service
from legalaid.wording import TOPICS
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.test_legalaid import key_of
from web.services import Services


async def test_everybody_looks_and_a_relative_asks_with_one_touch(
    browser: Browser, db: Database, services: Services, sign_in: SignIn
) -> None:
    house = await staffed.build(db, services)
    place = house.place
    async with db.write() as session:
        await directory.import_csv(session, SYSTEM, cities.demonstration(), whole=True)
        station = await service.create_desk(session, SYSTEM, place.prison, "驻监工作站", "station", "0551 1")
        await service.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
    page = (await browser.get("/directory?kind=lawyer&topic=family&place=临江市/江北区")).text
    assert "<svg" in page
    assert "公里" in page
    assert "tel:0550" in page
    assert "扎西顿珠" in page
    assert "没有找到" in (await browser.get("/directory?q=没有这个人")).text
    assert (await browser.get("/directory?at=31.8,117.3")).text.count("公里") == directory.SHOWN
    for strange in ("nowhere", "1,2,3", "99,999"):
        assert "公里</strong>" not in (await browser.get(f"/directory?at={strange}")).text

    async with db.read() as session:
        result = await directory.search(session, directory.Search(words="扎西顿珠"))
    wish = result.found[0].id
    await sign_in(browser, Ref("relative", place.mei))
    one_touch = await browser.get(f"/ask?wish={wish}&topic=family")
    assert one_touch.status_code == 303
    form = (await browser.get(one_touch.headers["location"])).text
    assert "扎西顿珠" in form
    values = {"topic": "family", "words": "房子归谁？", "key": key_of(form), "wish": wish}
    unknown = {**values, "wish": "hlp_none"}
    assert (await browser.send_form(f"/ask/{place.inmate}", unknown)).status_code == 422
    assert (await browser.send_form(f"/ask/{place.inmate}", values)).status_code == 303
    async with db.read() as session:
        (view,) = await repository.asked_by(session, Ref("relative", place.mei))
    await sign_in(browser, house.counsel, strong=True)
    assert "扎西顿珠" in (await browser.get(f"/counsel/questions/{view.id}")).text


async def test_an_administrator_reads_a_file_in_and_sees_each_line_that_was_not_taken(
    browser: Browser, db: Database, services: Services, sign_in: SignIn
) -> None:
    house = await staffed.build(db, services)
    await sign_in(browser, house.monitor, strong=True)
    assert (await browser.get("/admin/directory")).status_code == 403
    await sign_in(browser, house.admin, strong=True)
    assert "LJ" not in (await browser.get("/admin/directory")).text
    assert (await browser.send_form("/admin/directory")).status_code == 422
    data = cities.demonstration() + "LJ-9999,wizard,甲,,临江市,江北区,,31.8,117.3,0550 1,,,\n".encode()
    done = await browser.send_form("/admin/directory", files={"file": ("a.csv", data, "text/csv")})
    assert done.status_code == 200
    assert "kind-unknown" in done.text
    assert "wizard" in done.text


async def test_an_administrator_links_an_entry_and_the_lawyer_sees_who_asked_by_name(
    browser: Browser, db: Database, services: Services, sign_in: SignIn
) -> None:
    house = await staffed.build(db, services)
    place = house.place
    async with db.write() as session:
        await directory.import_csv(session, SYSTEM, cities.demonstration(), whole=True)
        station = await service.create_desk(session, SYSTEM, place.prison, "驻监工作站", "station", "0551 1")
        await service.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
        entry = (await directory.search(session, directory.Search(words="扎西顿珠"))).found[0].id
    await sign_in(browser, house.admin, strong=True)
    assert "扎西顿珠" in (await browser.get("/admin/directory?q=扎西顿珠")).text
    values = {"prison": place.prison, "q": "扎西顿珠", "target": f"lawyer:{house.counsel.id}"}
    assert (await browser.send_form(f"/admin/directory/{entry}/link", values)).status_code == 303
    wrong = {**values, "target": "lawyer:nobody"}
    assert (await browser.send_form(f"/admin/directory/{entry}/link", wrong)).status_code == 404
    assert "可在此直接答复" in (await browser.get("/directory?q=扎西顿珠")).text
    assert "page=3" in (await browser.get("/directory?page=2")).text
    await sign_in(browser, Ref("relative", place.mei))
    form = (await browser.get(f"/ask/{place.inmate}?wish={entry}")).text
    asked = {"topic": "family", "words": "房子归谁？", "key": key_of(form), "wish": entry}
    assert (await browser.send_form(f"/ask/{place.inmate}", asked)).status_code == 303
    await sign_in(browser, house.counsel, strong=True)
    assert "点名咨询您" in (await browser.get("/counsel")).text
