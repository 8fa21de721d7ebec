"""TURN URLs, the credentials that browsers get, and what a real coturn says to them."""

import pytest

from core import settings as core_settings
from core.errors import Misconfigured
from core.settings import Settings
from signaling import turn
from signaling.turn import TurnServer
from tests.conftest import TURN_SECRET, FakeClock
from tests.services import free_port
from web.cli import doctor


def configured(urls: str, secret: str = TURN_SECRET) -> Settings:
    return core_settings.from_environment({}, mode="test", turn_urls=urls, turn_secret=secret)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("turn:turn.example.org", TurnServer("turn.example.org", 3478, "udp", tls=False)),
        ("turn:192.0.2.7:80?transport=tcp", TurnServer("192.0.2.7", 80, "tcp", tls=False)),
        ("turns:turn.example.org:443", TurnServer("turn.example.org", 443, "tcp", tls=True)),
        ("turns:[2001:db8::7]?transport=tcp", TurnServer("2001:db8::7", 5349, "tcp", tls=True)),
    ],
)
def test_a_turn_url_is_read(url: str, server: TurnServer) -> None:
    assert turn.parse(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "turn:",
        "stun:a",
        "turn://a",
        "turn:a:b",
        "turn:a?transport=sctp",
        "turn:2001:db8::7",
        "turns:a?transport=udp",
    ],
)
def test_what_no_browser_would_take_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="TURN_URLS"):
        turn.parse(url)


def test_credentials_end_and_name_their_person(clock: FakeClock) -> None:
    (given,) = turn.ice_servers(configured("turn:a,turns:b:443"), "conn_1")
    assert given["urls"] == ["turn:a", "turns:b:443"]
    assert given["username"] == f"{int(clock.now().timestamp()) + turn.LIFE}:conn_1"
    # HMAC-SHA1 by `openssl dgst -sha1 -hmac`, base64
    assert given["credential"] == "esLsnnooS70W52jB4Lk0eqfDxXU="


def test_without_servers_there_are_no_credentials() -> None:
    assert turn.ice_servers(core_settings.from_environment({}, mode="test"), "conn_1") == []


async def test_the_doctor_asks_each_server_for_a_relay(turn_url: str) -> None:
    urls = f"{turn_url}?transport=udp,{turn_url}?transport=tcp"
    finding = await _examined(configured(urls))
    assert finding == (True, f"{turn_url}?transport=udp: relays; {turn_url}?transport=tcp: relays")
    finding = await _examined(configured(urls, "another secret"))
    assert not finding[0]
    assert finding[1].count("is the secret the same?") == 2
    good, text = await _examined(configured(f"turn:127.0.0.1:{free_port()}?transport=tcp,{turn_url}"))
    assert not good
    assert "Connect call failed" in text
    assert f"{turn_url}: relays" in text
    assert (await _examined(core_settings.from_environment({}, mode="test")))[0]


async def _examined(settings: Settings) -> tuple[bool, str]:
    return await doctor.EXAMINATIONS["TURN"](settings)
