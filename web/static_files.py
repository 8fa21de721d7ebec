"""Our own scripts, styles and pictures, under addresses that change with their content.

`/static/<digest>/css/base.css`: the digest is of the whole tree, so relative imports between modules and
`url(...)` in styles stay inside it. With the present digest a file may be kept for a year; with an old one
(a page from before an update) or none the present file is served, to be asked for again each time.
"""

import hashlib
import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

ROOT = Path(__file__).parent / "static"
_DIGEST_LENGTH = 12
_TYPES = {  # never left to the machine's own table
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


def digest_of(root: Path) -> str:
    """Of all names and contents below `root`."""
    sha = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        sha.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()[:_DIGEST_LENGTH]


class HashedFiles(StaticFiles):
    """Serves `root`, with or without a digest in front of the path."""

    def __init__(self, root: Path = ROOT) -> None:
        super().__init__(directory=root)
        self.digest = digest_of(root)

    def url(self, path: str) -> str:
        """The address of a file; raises `FileNotFoundError` for one that is not there."""
        if not (ROOT / path).is_file():
            raise FileNotFoundError(path)
        return f"/static/{self.digest}/{path}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, _, rest = path.partition(os.sep)
        hashed = len(first) == _DIGEST_LENGTH and all(c in "0123456789abcdef" for c in first)
        response = await super().get_response(rest if hashed else path, scope)
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if first == self.digest else "no-cache"
        )
        if (kind := _TYPES.get(Path(path).suffix)) and response.status_code == 200:
            response.headers["content-type"] = kind
        return response
