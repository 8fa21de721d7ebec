"""Family on one web process, officer and terminal on the other, media on a third, through Redis and PostgreSQL."""

from pathlib import Path

import pytest

from tests.browser import acts, large
from tests.browser.conftest import Crowd
from tests.fakes import clip


@pytest.mark.services
async def test_a_visit_over_several_processes(
    crowd: Crowd, tmp_path: Path, postgresql_url: str, redis_url: str
) -> None:
    with large.running(tmp_path / "large", postgresql_url, redis_url) as product:
        family = await crowd.chromium("family", product.url_of("wife", 0), "family", size=(390, 844))
        inmate = await crowd.chromium("inmate", product.url_of("terminal", 1), "inmate")
        officer = await crowd.chromium("officer", product.url_of("monitor", 1), "officer", size=(1440, 900))
        visit = await acts.gather(family, inmate, officer)
        await acts.watch_all(visit)
        await acts.sees_and_hears(family, "other", clip.INMATE)
        await acts.sees_and_hears(inmate, "other", clip.FAMILY)
        await acts.sees_and_hears(officer, "family", clip.FAMILY)
        # The node that hosts the room dies; another process takes its place and the people come back.
        product.processes["media"].kill()
        await family.sees("#lost")
        product.processes["media"].start()
        await acts.live(family, inmate)
        await acts.sees_and_hears(family, "other", clip.INMATE)
        await acts.sees_and_hears(inmate, "other", clip.FAMILY)
        await acts.end(officer)
        for person in (family, inmate):
            await person.until("document.body.dataset.step === 'ended'")
    assert crowd.complaints == []
