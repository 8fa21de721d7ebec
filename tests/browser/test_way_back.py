"""How a page finds back to its seat ("Another network" in docs/protocol.md), on a clock that is the test's."""

from itertools import pairwise

import pytest
from playwright.async_api import Browser

from tests.browser.far_end import FarEnd, Near, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACK = ["lost", "connecting", "open"]


async def _dies(near: Near, far: FarEnd) -> None:
    """The network that everything came through is gone."""
    await near.flow(False)
    far.die()


async def test_another_network_was_there_all_along(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        await _dies(near, far)
        await near.passes(1500)
        assert await near.log() == BACK, "0.5 s till it is odd, 0.5 s for the proof"
        assert far.counts["made"] == 2, "the connection that was begun ahead is the one that is used"
        await near.flow(True)
        await near.passes(2500)
        await _dies(near, far)
        await near.passes(1500)
        assert await near.log() == BACK, "who has just changed and is there does not rest"


async def test_a_server_that_is_only_busy_is_not_taken_for_gone(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        await near.flow(False)
        far.answers = False
        await near.passes(2000)
        assert far.counts["asked"] > 1, "it doubts"
        await near.flow(True)
        await far.let_go()
        await near.settled()
        await near.passes(6000)
        assert await near.log() == [], "two seconds of nothing cost neither the socket nor a restart"
        assert len(far.seats) == 1, "nor do tickets that come late bring it in anew"


async def test_the_tickets_answer_alone_proves_nothing_while_the_socket_has_time(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        await near.flow(False)
        far.answers = False
        await near.passes(900)
        far.answers = True  # for what is asked from now on; the answer over the socket comes a moment later
        await near.passes(200)
        assert far.counts["made"] == 2, "a connection is begun ahead"
        await far.let_go()
        await near.settled()
        await near.flow(True)
        await near.passes(3000)
        assert await near.log() == []
        assert len(far.seats) == 1, "and left unused"


async def test_requests_that_were_lost_with_their_network(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        await _dies(near, far)
        far.answers = False
        await near.passes(1200)
        assert await near.log() == [], "nothing says that the server is there"
        far.answers = True  # for those who come by the other network, which is there now
        await near.passes(700)
        assert await near.log() == BACK
        await far.let_go()
        await near.settled()
        await near.passes(3000)
        assert await near.log() == [], "answers to what was asked before are of no use any more"
        assert (far.counts["made"], len(far.seats)) == (2, 2)


async def test_refused_it_comes_again_ever_later_each_time_with_a_new_ticket(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        far.door = "refused"
        await far.seats[0].close(1011)
        await near.page.wait_for_function("signal.state === 'lost'")
        await near.passes(11_700)
        tries = [at for at, what in await near.times() if what == "connecting"]
        assert [later - one for one, later in pairwise(tries)] == [1000, 2000, 4000, 4000]
        assert far.counts["asked"] == 1 + len(tries)
        far.door = "open"
        await near.page.evaluate("dispatchEvent(new Event('online'))")
        await near.settled()
        await near.page.wait_for_function("signal.state === 'open'")


async def test_a_socket_that_hangs_half_open_is_left(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        far.door = "half"
        await far.seats[0].close(1011)
        await near.page.wait_for_function("signal.state === 'lost'")
        await near.passes(8000)
        assert await near.log() == ["lost", "connecting"]
        far.door = "open"
        await near.passes(3000)
        assert await near.log() == BACK


async def test_some_closes_and_some_refusals_are_final(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        for code in (4403, 4409, 4410, 1000):
            await far.seats[-1].close(code)
            await _stays(near, far, "final")
            await near.begins()
        for refusal in ("visit-over", "seat-refused", "session-ended"):
            far.refusal = refusal
            await far.seats[-1].close(1012)
            await _stays(near, far, "final")
            far.refusal = ""
            await near.begins()


async def test_after_the_reconnect_window_it_does_not_come_back_by_itself(browser: Browser) -> None:
    async with connected(browser, window=5000) as (near, far):
        far.door = "refused"
        await far.seats[0].close(1011)
        await near.page.wait_for_function("signal.state === 'lost'")
        await near.passes(9000)
        await _stays(near, far, "asleep")


async def _stays(near: Near, far: FarEnd, state: str) -> None:
    await near.page.wait_for_function("signal.state !== 'open'")
    await near.passes(500)
    await near.page.wait_for_function(f"signal.state === '{state}'")
    asked = far.counts["asked"]
    await near.page.evaluate("dispatchEvent(new Event('online'))")
    await near.passes(10_000)
    assert await near.page.evaluate("signal.state") == state
    assert far.counts["asked"] == asked


async def test_media_alone_restart_when_they_have_been_gone_for_a_while(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        for _ in range(2):
            await near.flow(False)
            await near.passes(1400)
            assert await near.log() == [], "a gap"
            await near.passes(500)
            assert await near.log() == ["restart"]
            await near.flow(True)  # by the new way; and the next time it is as quick
            await near.passes(500)
        await near.flow(False)
        await near.passes(1900)
        await near.passes(3000)
        assert await near.log() == ["restart"], "a way takes its time: it is not asked for anew all the time"
        assert len(far.seats) == 1


async def test_a_line_that_loses_is_no_other_network(browser: Browser) -> None:
    async with connected(browser) as (near, far):
        for _ in range(8):
            await near.flow(False)
            await near.passes(350)
            await near.flow(True)
            await near.passes(150)
        assert await near.log() == []
        assert far.counts["asked"] == 1


async def test_what_the_browser_says_of_its_networks(browser: Browser) -> None:
    async with connected(browser) as (near, _):
        await near.page.evaluate("navigator.connection.dispatchEvent(new Event('change'))")
        await near.passes(1500)
        assert await near.log() == [], "only another estimate of its rate"
        kind = "Object.defineProperty(navigator.connection, 'type', {value: 'cellular'})"
        await near.page.evaluate(f"{kind}; navigator.connection.dispatchEvent(new Event('change'))")
        await near.passes(300)
        assert await near.log() == ["restart"]
        await near.passes(1500)
        await near.page.evaluate("dispatchEvent(new Event('online'))")
        await near.passes(300)
        assert await near.log() == ["restart"]
