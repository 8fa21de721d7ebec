"""Settings from `KINBRIDGE_*`, read once into one frozen object.

A variable that is not known is an error (a misspelt one would otherwise be silently without effect),
and no secret has a default: a demonstration makes its own under `var/`, a real installation must set it.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from core import placing
from core.errors import Misconfigured

PREFIX = "KINBRIDGE_"

_BEGINNINGS = {  # of URLs
    "database_url": ("sqlite:///", "postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
    "base_url": ("https://", "http://"),
    "store_url": ("s3://",),
    "store_endpoint": ("https://", "http://"),
    "timestamp_url": ("https://", "http://"),
    "turn_urls": ("turn:", "turns:"),
}
_PARTNERS = (
    ("turn_urls", "turn_secret"),
    ("timestamp_url", "timestamp_roots"),
    ("tls_cert", "tls_key"),
    ("tls_key", "tls_cert"),
    ("store_key_id", "store_secret"),
)
_FILES = ("tls_cert", "tls_key", "timestamp_roots")
_WORDS = {
    "missing": "must be set",
    "extra_forbidden": "there is no such setting",
}  # by pydantic's kind of error


class Settings(BaseModel):
    """Everything that differs between two installations. Durations in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["production", "demo", "test"] = "production"
    data_dir: Path = Path("var")
    database_url: str = ""  # empty: SQLite in data_dir
    redis_url: str = ""  # empty: the bus lives in this process
    secret_key: SecretStr  # >= 32 characters; seals files, signs cookies and TURN credentials
    host: str = Field(default="127.0.0.1", min_length=1)  # "*": every address; an empty one is a mistake
    port: int = Field(default=8000, ge=0, le=65535)
    base_url: str = ""  # how people reach us; empty: http(s)://host:port
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: str = ""  # comma-separated addresses whose X-Forwarded-* is believed

    embed_media: bool = True  # the web process hosts rooms itself (one machine)
    embed_worker: bool = True  # the web process runs the periodic tasks itself (one machine)
    media_port: int = Field(default=0, ge=0, le=65535)  # UDP; 0: the system chooses
    media_backend: Literal["auto", "python", "native"] = "auto"  # auto: native where it was built
    media_addresses: str = ""  # comma-separated; empty: every address of this machine
    turn_urls: str = ""  # comma-separated turn:/turns: URLs handed to browsers
    turn_secret: SecretStr | None = None  # shared with coturn (its use-auth-secret way)

    notice_urls: str = ""  # comma-separated Apprise URLs, `{address}` filled in; empty: outbox only
    recording_days: int | None = Field(default=None, ge=1)  # must be set in production (rules R6)
    vault_keys: Path | None = None  # file of the recordings' master keys; none: made under data_dir/keys
    store_url: str = ""  # s3://bucket/prefix: where sealed recordings go; empty: they stay in data_dir
    store_endpoint: str = ""  # of an S3-compatible server, https://host:port; empty: the region's own
    store_region: str = "us-east-1"
    store_key_id: str = ""
    store_secret: SecretStr | None = None
    store_lag_minutes: int = Field(default=240, ge=0)  # waits longer: no new visit begins; 0: they go on
    timestamp_url: str = ""  # an RFC 3161 authority that stamps each sealed day; empty: none
    timestamp_roots: Path | None = None  # PEM with the certificates that authority is trusted by
    # what counts faces in still pictures, `module:name`, where a prison's rules have `watch_pictures` on
    detector: str = Field(default="recording.faces:Faces", pattern=r"^[\w.]+:\w+$")
    help_phone: str = ""  # shown at the foot of every page; empty: no number is shown
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy's async engine wants it."""
        url = self.database_url or f"sqlite:///{self.data_dir / 'kinbridge.sqlite3'}"
        scheme, _, rest = url.partition("://")
        driver = {
            "sqlite": "sqlite+aiosqlite",
            "postgresql": "postgresql+psycopg",
            "postgres": "postgresql+psycopg",
        }
        return f"{driver.get(scheme, scheme)}://{rest}"

    @property
    def public_url(self) -> str:
        """Scheme, host and port under which people reach the pages, without a slash at the end."""
        scheme = "https" if self.tls_cert else "http"
        return (self.base_url or f"{scheme}://{self.host}:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")

    def split(
        self, name: Literal["media_addresses", "turn_urls", "notice_urls", "trusted_proxies"]
    ) -> tuple[str, ...]:
        """A comma-separated setting as a tuple, blanks removed."""
        value: str = getattr(self, name)
        return tuple(part.strip() for part in value.split(",") if part.strip())


def from_environment(env: Mapping[str, str] | None = None, /, **overrides: object) -> Settings:
    """Reads `KINBRIDGE_*`; `overrides` win. Raises `Misconfigured` naming every bad variable."""
    env = os.environ if env is None else env
    values: dict[str, object] = {
        key.removeprefix(PREFIX).lower(): value for key, value in env.items() if key.startswith(PREFIX)
    }
    values.update(overrides)
    if values.get("mode") in ("demo", "test"):
        values.setdefault("secret_key", _made_on_the_spot(Path(str(values.get("data_dir", "var")))))
        values.setdefault("recording_days", 30)
        values.setdefault("log_level", "warning")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable(str(e['loc'][0]))}: {_WORDS.get(e['type'], e['msg'])}" for e in error.errors()
        )
        raise Misconfigured(problem=problems) from error
    wrong = [f"{_variable(name)}: {problem}" for name, problem in _problems(settings)]
    if wrong:
        raise Misconfigured(problem="; ".join(wrong))
    return settings


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """What no single value shows, or what would only be met in the middle of work: (setting, what is wrong)."""
    if len(settings.secret_key.get_secret_value()) < 32:
        yield "secret_key", "at least 32 characters"
    if settings.mode == "production" and settings.recording_days is None:
        yield "recording_days", "must be set, there is no lawful default"
    for name, partner in _PARTNERS:
        if getattr(settings, name) and getattr(settings, partner) is None:
            yield partner, f"needed with {_variable(name)}"
    for name in _FILES:
        file: Path | None = getattr(settings, name)
        if file is not None and not file.is_file():
            yield name, f"there is no file {file}"
    yield from _urls(settings)
    yield from _addresses(settings)


def _urls(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, beginnings in _BEGINNINGS.items():
        # A database's may have commas of its own: several hosts.
        urls = (
            settings.split("turn_urls") if name == "turn_urls" else filter(None, (getattr(settings, name),))
        )
        for url in urls:
            found = [url.removeprefix(one) for one in beginnings if url.startswith(one)]
            if not found:
                yield name, f"must begin with {' or '.join(beginnings)}"
            elif not found[0] or (name == "store_url" and found[0].startswith("/")):
                yield name, "nothing follows its beginning"


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    for text in settings.split("media_addresses"):
        try:
            ip_address(text)
        except ValueError:
            yield "media_addresses", f"{text} is no IP address"
    for text in settings.split("trusted_proxies"):
        try:
            ip_network(text, strict=False)
        except ValueError:
            yield "trusted_proxies", f"{text} is neither an IP address nor a network"


def _made_on_the_spot(data_dir: Path) -> str:
    """A demonstration's own secret: made once, kept under `var/`, readable by its owner only."""
    path = data_dir / "secret"
    if not path.exists():
        placing.make(path.parent)
        placing.place(path, [secrets.token_urlsafe(48).encode()], over=False)
    return path.read_text().strip()
