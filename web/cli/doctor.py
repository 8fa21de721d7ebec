"""`kinbridge doctor`: looks at everything an installation needs, and says what is wrong and how to mend it."""

import argparse
import asyncio
import json
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from sqlalchemy.exc import DBAPIError

import ledger.read
from core import house, keys, placing, schema
from core import settings as core_settings
from core.bus import open_bus
from core.db import Database
from core.settings import Settings
from recording import days, lookout, masters, stamping, stills, timestamp, vault
from recording.errors import StoreUnavailable
from recording.store import open_store
from rooms import proving
from signaling import turn
from signaling.library import chosen

_UNSTAMPED = 1  # days: the newest one is asked for within ten minutes
_DISK_FLOOR = 2 * 1024**3  # bytes: about 70 hours of one recorded call


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    text: str


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="report as one JSON object")


def run(args: argparse.Namespace) -> int:
    settings = core_settings.from_environment()
    findings = asyncio.run(examine(settings))
    good = all(finding.good for finding in findings)
    if args.json:
        print(json.dumps({"good": good, "findings": [asdict(f) for f in findings]}, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"  {'✓' if finding.good else '✗'} {finding.what}: {finding.text}")
    return 0 if good else 1


async def examine(settings: Settings) -> list[Finding]:
    """Runs every examination; one that raises is a finding, not a crash."""
    findings = []
    for what, look in EXAMINATIONS.items():
        try:
            good, text = await look(settings)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is what the doctor reports
            good, text = False, f"{type(error).__name__}: {_said(error)}"
        findings.append(Finding(what, good, text))
    return findings


def _said(error: BaseException) -> str:
    """In one line, and of the database only what it said itself: the question does not help who reads this."""
    return " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())


async def _packages(_settings: Settings) -> tuple[bool, str]:
    house.check()
    return True, "every package is the project's own"


async def _database(settings: Settings) -> tuple[bool, str]:
    present, needed = await schema.present_revision(settings.sqlalchemy_url), schema.newest_revision()
    if present != needed:
        return False, f"revision {present or 'none'}, needed {needed}: run `kinbridge migrate`"
    return True, f"revision {present}"


async def _ledger(settings: Settings) -> tuple[bool, str]:
    db = Database.connect(settings.sqlalchemy_url)
    try:
        verdict = await ledger.read.verify(db)
        sealed = await days.check(db, settings.data_dir)
    finally:
        await db.close()
    if verdict.intact and not sealed.intact:
        return False, f"day {sealed.broken_at}: {sealed.problem}"
    return (
        verdict.intact,
        f"{verdict.entries} entries, {sealed.days} sealed days"
        if verdict.intact
        else f"entry {verdict.broken_at}: {verdict.problem}",
    )


async def _bus(settings: Settings) -> tuple[bool, str]:
    bus = open_bus(settings.redis_url)
    try:
        await bus.ping()
    finally:
        await bus.close()
    if not settings.redis_url and not (settings.embed_media and settings.embed_worker):
        return False, "processes of their own (EMBED_MEDIA, EMBED_WORKER) need KINBRIDGE_REDIS_URL"
    return True, "Redis answers" if settings.redis_url else "in this process"


async def _disk(settings: Settings) -> tuple[bool, str]:
    placing.make(settings.data_dir)
    free = shutil.disk_usage(settings.data_dir).free
    return free >= _DISK_FLOOR, f"{free / 1024**3:.1f} GiB free under {settings.data_dir}"


async def _folder(settings: Settings) -> tuple[bool, str]:
    if settings.data_dir.stat().st_mode & 0o077:
        return False, f"{settings.data_dir} can be read by others than its owner: chmod 700"
    return True, f"{settings.data_dir} is for its owner only"


async def _keys(settings: Settings) -> tuple[bool, str]:
    key = keys.signer(settings.data_dir)
    return True, f"recordings are signed with key {key.key_id}"


async def _vault(settings: Settings) -> tuple[bool, str]:
    found, path = masters.load(settings), masters.path_of(settings)
    db = Database.connect(settings.sqlalchemy_url)
    try:
        async with db.read() as session:
            used = await vault.versions(session)
    finally:
        await db.close()
    missing = sorted(set(used) - set(found.versions))
    if missing:
        return False, f"{path} lacks version {missing[0]}, which opens {used[missing[0]]} recordings"
    if path.stat().st_mode & 0o077:
        return False, f"{path} can be read by others than its owner: chmod 600"
    if settings.mode == "production" and path.is_relative_to(settings.data_dir):
        return True, f"{path} lies beside what it opens: move it elsewhere and set KINBRIDGE_VAULT_KEYS"
    return True, f"{path}, version {found.newest} wraps; keep a copy in a safe"


async def _store(settings: Settings) -> tuple[bool, str]:
    store = await asyncio.to_thread(open_store, settings)
    if store is None:
        return True, "none: sealed recordings stay on this machine (KINBRIDGE_STORE_URL)"
    try:
        await asyncio.to_thread(store.check)
    except FileNotFoundError:
        return False, f"there is no bucket {store.bucket}"
    except StoreUnavailable as error:
        return False, f"bucket {store.bucket}: {_said(error.__cause__ or error)}"
    return True, f"bucket {store.bucket} answers"


async def _stamps(settings: Settings) -> tuple[bool, str]:
    if settings.timestamp_roots is None:
        return True, "none: only the house itself tells the time of a day's seal (KINBRIDGE_TIMESTAMP_URL)"
    trusted = timestamp.read_roots(settings.timestamp_roots)
    db = Database.connect(settings.sqlalchemy_url)
    try:
        waiting = await stamping.unstamped(db)
    finally:
        await db.close()
    return waiting <= _UNSTAMPED, f"{len(trusted)} trusted certificates, {waiting} days wait for a stamp"


async def _media_port(settings: Settings) -> tuple[bool, str]:
    if settings.media_port == 0:
        return (
            settings.mode != "production",
            "any free UDP port (set KINBRIDGE_MEDIA_PORT so that a firewall can let it through)",
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", settings.media_port))
        except OSError:
            return True, f"UDP {settings.media_port} is in use, by the running server one hopes"
    return True, f"UDP {settings.media_port} is free"


async def _media_backend(settings: Settings) -> tuple[bool, str]:
    library, reason = chosen(settings.media_backend)
    return (
        True,
        f"packets are relayed in {'Python' if library is None else 'a thread of their own'}: {reason}",
    )


async def _turn(settings: Settings) -> tuple[bool, str]:
    found = await turn.ask(settings)
    if not found:
        return True, "none: who sits behind a firewall without UDP stays out (KINBRIDGE_TURN_URLS)"
    return not any(found.values()), "; ".join(f"{url}: {wrong or 'relays'}" for url, wrong in found.items())


async def _closed_rooms(settings: Settings) -> tuple[bool, str]:
    db = Database.connect(settings.sqlalchemy_url)
    try:
        async with db.read() as session:
            standing = await proving.standing(session)
    finally:
        await db.close()
    return standing.good, standing.text


async def _faces(settings: Settings) -> tuple[bool, str]:
    """What counts faces may be missing where no prison wants them counted."""
    there = await asyncio.to_thread(stills.installed, settings.detector)
    have = f"{settings.detector} is {'there' if there else 'not there'}"
    db = Database.connect(settings.sqlalchemy_url)
    try:
        async with db.read() as session:
            wanted = await lookout.wanted_at(session)
    finally:
        await db.close()
    if not wanted:
        return True, f"off: no prison's rules have watch_pictures on; {have}"
    on = f"on in {', '.join(wanted)}; {have}"
    if there:
        return True, on
    return (
        False,
        f"{on}: only covered lenses are seen; pip install 'kinbridge[faces]', or set KINBRIDGE_DETECTOR",
    )


async def _transport(settings: Settings) -> tuple[bool, str]:
    local = settings.host in ("127.0.0.1", "localhost", "::1")
    if settings.secure or local:
        return True, settings.public_url
    return (
        False,
        "browsers give camera and microphone to HTTPS pages only: set KINBRIDGE_TLS_CERT and _KEY or a base URL",
    )


EXAMINATIONS: dict[str, Callable[[Settings], Awaitable[tuple[bool, str]]]] = {
    "packages": _packages,
    "database": _database,
    "ledger": _ledger,
    "bus": _bus,
    "disk": _disk,
    "data folder": _folder,
    "signing key": _keys,
    "vault keys": _vault,
    "object store": _store,
    "time stamps": _stamps,
    "media port": _media_port,
    "TURN": _turn,
    "media back-end": _media_backend,
    "closed rooms": _closed_rooms,
    "faces in pictures": _faces,
    "address": _transport,
}
