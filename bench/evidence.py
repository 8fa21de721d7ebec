"""What proving costs: a sealed recording against `sha256sum` of the same files, and a day's tree.

    python -m bench.evidence [MEBIBYTES] [ENTRIES]

CPU seconds, so that a busy machine does not change the answer.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

from core import keys, placing
from ledger import merkle
from recording import day, folder, seal
from recording.digest import digest_of


def recording(path: Path, mebibytes: int, signer: keys.Signer) -> None:
    """A sealed folder of two files of that size together."""
    path.mkdir()
    tracks = []
    for name in ("inmate-1.webm", "relative-1.webm"):
        with (path / name).open("wb") as file:
            for _ in range(mebibytes // 2):
                file.write(os.urandom(1 << 20))
        digest = digest_of(path / name)
        tracks.append({"file": name, "bytes": digest.bytes, "pieces": list(digest.pieces)})
    placing.place(path / folder.EVENTS, [b""])
    events = {"file": folder.EVENTS, **asdict(digest_of(path / folder.EVENTS)), "pieces": []}
    seal.sign(path, {"recording": "rec_1", "tracks": tracks, "events": events}, signer)


def verified(path: Path, public: keys.PublicKeys) -> float:
    cpu = time.process_time()
    if not seal.verify_folder(path, public).intact:
        raise SystemExit("the recording is not intact")
    return time.process_time() - cpu


def sha256sum(path: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sha256sum", *path.glob("*.webm")], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tree(entries: int, signer: keys.Signer) -> tuple[float, float]:
    """CPU seconds of a day's head, and of the tree and one recording's proof."""
    leaves = day.Leaves(1, tuple(f"{number:064x}" for number in range(entries)), (("rec_1", "aa" * 32),))
    cpu = time.process_time()
    head = day.head(date(2026, 11, 21), leaves, "", None, "", signer.key_id)
    middle = time.process_time()
    day.inclusion(head, signer.sign(head), leaves, merkle.Tree(leaves.encoded()), "rec_1")
    return middle - cpu, time.process_time() - middle


def main(mebibytes: int = 256, entries: int = 20_000) -> None:
    with tempfile.TemporaryDirectory() as home:
        signer = keys.signer(Path(home))
        path = Path(home) / "rec_1"
        recording(path, mebibytes, signer)
        ours = min(verified(path, keys.public_keys(Path(home) / "keys")) for _ in range(3))
        plain = min(sha256sum(path) for _ in range(3))
    root, proof = tree(entries, signer)
    print(
        json.dumps(
            {
                "verify_mb_per_cpu_s": round(mebibytes * 1.048576 / ours),
                "sha256sum_mb_per_cpu_s": round(mebibytes * 1.048576 / plain),
                "times_sha256sum": round(plain / ours, 2),
                "day_entries": entries,
                "day_root_cpu_ms": round(root * 1000),
                "inclusion_cpu_ms": round(proof * 1000),
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
