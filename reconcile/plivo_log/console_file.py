"""[I/O] An export on disk: plain, gzipped, or as the one CSV file of a ZIP archive."""

import gzip
import hashlib
import io
import zipfile
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from reconcile.plivo_log.console_columns import NotAnExport

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_MOST_BYTES = 2**30  # it is held in memory


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """The CSV, unpacked, and when the file on disk was last changed."""

    content: bytes
    changed_at: datetime

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def lines(self) -> Iterable[str]:
        """With their ends, as the csv module wants them; what is no text becomes U+FFFD."""
        utf_16 = self.content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        encoding = "utf-16" if utf_16 else "utf-8-sig"
        return io.TextIOWrapper(
            io.BytesIO(self.content), encoding=encoding, errors="replace", newline=""
        )


def read(path: Path) -> ConsoleFile:
    """Raises NotAnExport, OSError."""
    with path.open("rb") as file:
        changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        begin = file.read(len(_ZIP))
        file.seek(0)
        try:
            if begin.startswith(_GZIP):
                with gzip.open(file) as unpacked:
                    content = _bounded(unpacked)
            elif begin == _ZIP:
                content = _of_archive(file)
            else:
                content = _bounded(file)
        except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, EOFError) as broken:
            raise NotAnExport(f"cannot be unpacked ({broken})") from broken
        except (RuntimeError, NotImplementedError) as locked:  # a password, a rare compression
            raise NotAnExport(f"cannot be unpacked ({locked}); unpack it first") from locked
    return ConsoleFile(content, changed_at)


def _of_archive(file: IO[bytes]) -> bytes:
    with zipfile.ZipFile(file) as archive:
        names = [
            name
            for name in archive.namelist()
            if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")
        ]
        if len(names) != 1:
            found = ", ".join(map(ascii, archive.namelist()[:10])) or "nothing"
            raise NotAnExport(
                f"an archive with {len(names)} CSV files (it holds {found}); one is expected"
            )
        with archive.open(names[0]) as unpacked:
            return _bounded(unpacked)


def _bounded(file: IO[bytes] | gzip.GzipFile) -> bytes:
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise NotAnExport("more than 1 GiB of CSV; export shorter spans of time")
    return content
