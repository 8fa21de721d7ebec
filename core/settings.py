"""Settings from `KINBRIDGE_*`, read once into one frozen object.

A variable that is not known is an error (a misspelt one would otherwise be silently without effect),
and no secret has a default: a demonstration makes its own under `var/`, a real installation must set it.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from core.errors import Misconfigured

PREFIX = "KINBRIDGE_"


class Settings(BaseModel):
    """Everything that differs between two installations. Durations in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["production", "demo", "test"] = "production"
    data_dir: Path = Path("var")
    database_url: str = ""  # empty: SQLite in data_dir
    redis_url: str = ""  # empty: the bus lives in this process
    secret_key: SecretStr  # >= 32 characters; seals files, signs cookies and TURN credentials
    host: str = "127.0.0.1"
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
        problems = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise Misconfigured(problem=problems) from error
    _require_for_production(settings)
    return settings


def _require_for_production(settings: Settings) -> None:
    problems = []
    if len(settings.secret_key.get_secret_value()) < 32:
        problems.append("KINBRIDGE_SECRET_KEY: at least 32 characters")
    if settings.mode == "production" and settings.recording_days is None:
        problems.append("KINBRIDGE_RECORDING_DAYS: must be set, there is no lawful default")
    if settings.turn_urls and settings.turn_secret is None:
        problems.append("KINBRIDGE_TURN_SECRET: needed with KINBRIDGE_TURN_URLS")
    if settings.timestamp_url and settings.timestamp_roots is None:
        problems.append("KINBRIDGE_TIMESTAMP_ROOTS: needed with KINBRIDGE_TIMESTAMP_URL")
    if settings.timestamp_url and not settings.timestamp_url.startswith(("https://", "http://")):
        problems.append("KINBRIDGE_TIMESTAMP_URL: must begin with https:// or http://")
    if settings.store_url and not settings.store_url.startswith("s3://"):
        problems.append("KINBRIDGE_STORE_URL: must begin with s3://")
    if problems:
        raise Misconfigured(problem="; ".join(problems))


def _made_on_the_spot(data_dir: Path) -> str:
    """A demonstration's own secret: made once, kept under `var/`, readable by its owner only."""
    path = data_dir / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()
