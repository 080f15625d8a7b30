"""[I/O] An S3 bucket, through Arrow: objects are put, read back, listed and removed.

An object appears whole or not at all: S3 shows an upload only once it is complete. Credentials come
from where AWS programs look for them: environment, `~/.aws`, the machine's role.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from pyarrow import fs

from receiver.config import SettingError, Settings

_CHUNK = 1 << 20
_CONNECT_SECONDS = 5.0
_REQUEST_SECONDS = 15.0  # tried three times: within a minute it is known to be down
_REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|SIGNATURE_DOES_NOT_MATCH"
    r"|MISSING_AUTHENTICATION_TOKEN|UNRECOGNIZED_CLIENT|EXPIRED|NO_SUCH_BUCKET|InvalidBucketName"
    r"|InvalidAccessKeyId|HTTP status (301|400|403)"
)


class ArchiveError(Exception):
    """The archive cannot be used like this; the message names the next step.

    ArchiveError    settings, rights: mend them
    ├ NotAsShipped  an object is gone, or another one: restore it
    └ ArchiveDown   the store, or the way to it, is down, or somebody is at it: try later
    """

    exit_code = 2


class NotAsShipped(ArchiveError):
    def __init__(self, said: str) -> None:
        super().__init__(
            f"{said}. Restore that object (an earlier version, a copy), or point ARCHIVE_URL to "
            "where it is; without it no number would be right."
        )


class ArchiveDown(ArchiveError):
    exit_code = 75


class ObjectStore:
    """Objects under `s3://bucket/prefix`, each by its path within the data folder."""

    def __init__(self, url: str, *, endpoint: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._root = self.url.removeprefix("s3://")
        scheme, _, host = (endpoint or "").partition("://")
        with self._translated("opening"):
            self._files = fs.S3FileSystem(
                scheme=scheme or None,
                endpoint_override=host or None,
                connect_timeout=_CONNECT_SECONDS,
                request_timeout=_REQUEST_SECONDS,
                allow_delayed_open=True,  # a small object is one request, not three
            )

    def sizes(self, folder: str) -> dict[str, int]:
        """Every object below this folder, and how many bytes it has."""
        below = fs.FileSelector(f"{self._root}/{folder}", recursive=True, allow_not_found=True)
        with self._translated(f"listing {folder}/"):
            found = self._files.get_file_info(below)
        return {
            info.path.removeprefix(f"{self._root}/"): info.size
            for info in found
            if info.type == fs.FileType.File
        }

    def put(self, name: str, content: BinaryIO) -> None:
        """Send it; what stood under the name before stays until the new object is whole."""
        with (
            self._translated(f"sending {name}"),
            self._files.open_output_stream(self._at(name)) as stream,
        ):
            while chunk := content.read(_CHUNK):
                stream.write(chunk)

    def digest(self, name: str) -> str | None:
        """The SHA-256 of what the store gives back; None where it has no such object."""
        digest = hashlib.sha256()
        try:
            self.get(name, digest.update)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    def get(self, name: str, take: Callable[[bytes], object]) -> None:
        """Hand over the content, piece by piece. Raises FileNotFoundError."""
        with (
            self._translated(f"reading {name}"),
            self._files.open_input_stream(self._at(name)) as stream,
        ):
            while chunk := stream.read(_CHUNK):
                take(chunk)

    def remove(self, name: str) -> None:
        with self._translated(f"removing {name}"):
            try:
                self._files.delete_file(self._at(name))
            except FileNotFoundError:
                return

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as problem:
            said = str(problem).splitlines()[0]
            if "AWS Error" not in said:
                raise
            if _REFUSED.search(said):
                raise ArchiveError(
                    f"{self.url}, {doing}: {said}. Check ARCHIVE_URL, ARCHIVE_ENDPOINT and "
                    "AWS_REGION, and the credentials (AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)."
                ) from problem
            raise ArchiveDown(
                f"{self.url}, {doing}: {said}. Nothing is lost here; try again later."
            ) from problem


def of_settings(settings: Settings, *, needed_for: str) -> ObjectStore:
    """The archive of these settings. Raises SettingError where none is named."""
    if settings.archive_url is None:
        raise SettingError(
            f"ARCHIVE_URL is not set, and {needed_for}; set it, such as s3://bucket/prefix"
        )
    return ObjectStore(settings.archive_url, endpoint=settings.archive_endpoint)
