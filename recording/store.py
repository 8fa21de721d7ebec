"""Where sealed recordings go from this machine: an S3-compatible object store, where one is configured.

Objects are `<prefix><yyyy>/<mm>/<dd>/<recording id>/<file>`: the same names, the same (locked) bytes as on the disk.
Everything here blocks. What the store cannot do just now raises `StoreUnavailable`; what is not there,
`FileNotFoundError`.
"""

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.settings import Settings
from recording.errors import StoreUnavailable

PART = (
    8 << 20
)  # bytes; more go up in parts, and what is there already is not sent again (S3 wants 5 MiB at least)
_GONE = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})


@contextlib.contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            raise FileNotFoundError(what) from error
        raise StoreUnavailable from error
    except BotoCoreError as error:
        raise StoreUnavailable from error


@dataclass(frozen=True, slots=True)
class Store:
    """A bucket, and what stands before all names in it."""

    client: Any  # botocore makes its classes at run time
    bucket: str
    prefix: str

    def shelf(self, place: str) -> "Shelf":
        """One recording's place; `place` as in its row's `folder`."""
        return Shelf(self, f"{self.prefix}{place}/")

    def check(self) -> None:
        """Whether the bucket answers. Raises `StoreUnavailable`, `FileNotFoundError`."""
        with _asking(self.bucket):
            self.client.head_bucket(Bucket=self.bucket)


def open_store(settings: Settings) -> Store | None:
    """`None` where recordings stay on this machine."""
    if not settings.store_url:
        return None
    parts = urlsplit(settings.store_url)
    secret = settings.store_secret.get_secret_value() if settings.store_secret else None
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=settings.store_endpoint or None,
        region_name=settings.store_region,
        aws_access_key_id=settings.store_key_id or None,
        aws_secret_access_key=secret,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path"},  # what every S3-compatible server understands
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    prefix = parts.path.strip("/")
    return Store(client, parts.netloc, f"{prefix}/" if prefix else "")


@dataclass(frozen=True, slots=True)
class Shelf:
    """One recording's objects. `place` ends with a slash."""

    store: Store
    place: str

    def names(self) -> dict[str, int]:
        """Size of each object by its name."""
        found: dict[str, int] = {}
        with _asking(self.place):
            pages = self.store.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.store.bucket, Prefix=self.place
            )
            for page in pages:
                found |= {
                    one["Key"].removeprefix(self.place): one["Size"] for one in page.get("Contents", ())
                }
        return found

    def open(self, name: str) -> "Remote":
        """Raises `FileNotFoundError`."""
        with _asking(name):
            found = self.store.client.head_object(Bucket=self.store.bucket, Key=self.place + name)
        return Remote(self.store, self.place + name, int(found["ContentLength"]))

    def delete(self, name: str) -> None:
        """Idempotent; what was half sent goes as well."""
        with _asking(name), contextlib.suppress(FileNotFoundError):
            self.store.client.delete_object(Bucket=self.store.bucket, Key=self.place + name)
        for upload in self._uploads(name):
            self._abort(name, upload)

    def put(self, path: Path) -> None:
        """Sends a file; of one that was half sent only what is missing. Raises `OSError`."""
        name, size = path.name, path.stat().st_size
        where = {"Bucket": self.store.bucket, "Key": self.place + name}
        if size <= PART:
            with _asking(name):
                content = path.read_bytes()
                self.store.client.put_object(**where, Body=content, ContentMD5=_md5(content))
            return
        upload = self._resumed(name)
        there = self._parts(name, upload)
        done = []
        with path.open("rb") as file:
            for number in range(1, -(-size // PART) + 1):
                content = file.read(PART)
                tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
                if (
                    there.get(number) != tag
                ):  # where the store encrypts, its tags are others: all goes up again
                    with _asking(name):
                        sent = self.store.client.upload_part(
                            **where,
                            UploadId=upload,
                            PartNumber=number,
                            Body=content,
                            ContentMD5=_md5(content),
                        )
                    tag = str(sent["ETag"])
                done.append({"PartNumber": number, "ETag": tag})
        with _asking(name):
            self.store.client.complete_multipart_upload(
                **where, UploadId=upload, MultipartUpload={"Parts": done}
            )

    def _resumed(self, name: str) -> str:
        """The upload to go on with, the newest one; others are given up."""
        uploads = self._uploads(name)
        if not uploads:
            with _asking(name):
                made = self.store.client.create_multipart_upload(
                    Bucket=self.store.bucket, Key=self.place + name
                )
            return str(made["UploadId"])
        for old in uploads[:-1]:
            self._abort(name, old)
        return uploads[-1]

    def _uploads(self, name: str) -> list[str]:
        """The oldest first."""
        with _asking(name):
            found = self.store.client.list_multipart_uploads(
                Bucket=self.store.bucket, Prefix=self.place + name
            )
        own = [one for one in found.get("Uploads", ()) if one["Key"] == self.place + name]
        return [str(one["UploadId"]) for one in sorted(own, key=lambda one: one["Initiated"])]

    def _abort(self, name: str, upload: str) -> None:
        with _asking(name), contextlib.suppress(FileNotFoundError):
            self.store.client.abort_multipart_upload(
                Bucket=self.store.bucket, Key=self.place + name, UploadId=upload
            )

    def _parts(self, name: str, upload: str) -> dict[int, str]:
        """ETag of each part that is there: for a part, its MD5."""
        with _asking(name):
            pages = self.store.client.get_paginator("list_parts").paginate(
                Bucket=self.store.bucket, Key=self.place + name, UploadId=upload
            )
            return {one["PartNumber"]: one["ETag"] for page in pages for one in page.get("Parts", ())}


@dataclass(frozen=True, slots=True)
class Remote:
    """A `recording.clear.Source` in the store: each read is one request for that range."""

    store: Store
    key: str
    size: int

    def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size)
        if stop <= start:
            return b""
        with _asking(self.key):
            found = self.store.client.get_object(
                Bucket=self.store.bucket, Key=self.key, Range=f"bytes={start}-{stop - 1}"
            )
            content: bytes = found["Body"].read()
        return content

    def close(self) -> None:
        """Nothing is held open between two reads."""


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
