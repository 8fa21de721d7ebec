"""Settings: everything named, nothing assumed, every problem said."""

from pathlib import Path

import pytest

from core.errors import Misconfigured
from core.settings import from_environment

SECRET = "s" * 40
BAD = [
    ("PORT", "eighty"),
    ("PORT", "70000"),
    ("RECORDING_DAYS", "0"),
    ("MODE", "x"),
    ("HOST", ""),
    ("DATABASE_URL", "mysql://u@h/d"),
    ("DATABASE_URL", "garbage"),
    ("REDIS_URL", "localhost:6379"),
    ("BASE_URL", "visits.example.org"),
    ("STORE_URL", "https://bucket"),
    ("STORE_URL", "s3://"),
    ("STORE_URL", "s3:///2026"),
    ("STORE_ENDPOINT", "store:9000"),
    ("TIMESTAMP_ROOTS", "/nowhere/roots.pem"),
    ("TLS_CERT", "/nowhere/cert.pem"),
    ("MEDIA_ADDRESSES", "192.0.2.1, media.example.org"),
    ("TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
]
GOOD = {"KINBRIDGE_SECRET_KEY": SECRET, "KINBRIDGE_RECORDING_DAYS": "180"}


def test_production_needs_a_secret_and_a_retention() -> None:
    assert from_environment(GOOD).recording_days == 180
    for missing in GOOD:
        with pytest.raises(Misconfigured) as error:
            from_environment({k: v for k, v in GOOD.items() if k != missing})
        assert missing in str(error.value)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Misconfigured, match="SECRET_KEY"):
        from_environment({**GOOD, "KINBRIDGE_SECRET_KEY": "short"})


def test_a_misspelt_variable_is_an_error_not_silence() -> None:
    with pytest.raises(Misconfigured, match="KINBRIDGE_DATABSE_URL: there is no such setting"):
        from_environment({**GOOD, "KINBRIDGE_DATABSE_URL": "sqlite:///x"})


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_values_are_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=f"KINBRIDGE_{name}"):
        from_environment({**GOOD, f"KINBRIDGE_{name}": value})


def test_the_secret_is_never_shown() -> None:
    assert SECRET not in repr(from_environment(GOOD))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h1,h2/d", "postgresql+psycopg://u@h1,h2/d"),
    ],
)
def test_databases_by_their_usual_urls(url: str, expected: str) -> None:
    assert from_environment({**GOOD, "KINBRIDGE_DATABASE_URL": url}).sqlalchemy_url == expected


def test_turn_needs_its_secret() -> None:
    with pytest.raises(Misconfigured, match="TURN_SECRET"):
        from_environment({**GOOD, "KINBRIDGE_TURN_URLS": "turn:example.org"})


def test_turn_servers_are_named_by_their_own_kind_of_address() -> None:
    several = "turn:turn.example.org:3478?transport=udp, turns:turn.example.org:443?transport=tcp"
    turn = {**GOOD, "KINBRIDGE_TURN_SECRET": SECRET}
    assert len(from_environment({**turn, "KINBRIDGE_TURN_URLS": several}).split("turn_urls")) == 2
    with pytest.raises(Misconfigured, match="TURN_URLS: must begin with turn: or turns:"):
        from_environment({**turn, "KINBRIDGE_TURN_URLS": f"{several}, https://turn.example.org"})


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    with pytest.raises(Misconfigured, match="TLS_KEY: needed with KINBRIDGE_TLS_CERT"):
        from_environment({**GOOD, "KINBRIDGE_TLS_CERT": str(certificate)})


def test_a_store_is_asked_with_both_halves_of_its_credentials() -> None:
    with pytest.raises(Misconfigured, match="STORE_SECRET: needed with KINBRIDGE_STORE_KEY_ID"):
        from_environment({**GOOD, "KINBRIDGE_STORE_URL": "s3://b", "KINBRIDGE_STORE_KEY_ID": "id"})


def test_a_demonstration_makes_its_secret_once(tmp_path: Path) -> None:
    first = from_environment({}, mode="demo", data_dir=tmp_path)
    again = from_environment({}, mode="demo", data_dir=tmp_path)
    assert first.secret_key.get_secret_value() == again.secret_key.get_secret_value()
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
