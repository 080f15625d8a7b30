"""[I/O] The text of an export: plain, gzip or zip, UTF-8 or what Excel calls Unicode."""

import codecs
import gzip
import io
import zipfile
import zlib
from pathlib import Path

from reconcile.usage.sheet import NotASummary

MOST_BYTES = 256 * 1024 * 1024  # unpacked; a year by hour and network is far less


def text(path: Path) -> str:
    """Raises NotASummary, OSError."""
    if path.is_dir():
        raise NotASummary(f"{path} is a folder; name the CSV file in it")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotASummary(
            f"there is no {path}; in the Plivo console export the usage summary as CSV, and name "
            "that file"
        ) from None
    return _decoded(path, _unpacked(path, content))


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as packed:
                return _within(path, packed.read(MOST_BYTES + 1))
        if content.startswith(b"PK\x03\x04"):
            return _from_zip(path, content)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error,
            zipfile.BadZipFile) as problem:  # fmt: skip
        raise NotASummary(
            f"{path} cannot be unpacked ({problem}); unpack it yourself, or export it again"
        ) from problem
    return _within(path, content)


def _from_zip(path: Path, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        names = [
            name for name in packed.namelist()
            if name.lower().endswith(".csv") and not name.startswith("__MACOSX")
        ]  # fmt: skip
        if len(names) != 1:
            held = "no CSV file" if not names else f"{len(names)} CSV files"
            raise NotASummary(f"{path} holds {held}; save or unpack the usage summary as one CSV")
        with packed.open(names[0]) as file:
            return _within(path, file.read(MOST_BYTES + 1))


def _within(path: Path, content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise NotASummary(
            f"{path} holds more than {MOST_BYTES // 2**20} MiB; export a shorter time"
        )
    return content


def _decoded(path: Path, content: bytes) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise NotASummary(
            f"{path}, line {line} is not UTF-8; save the file as CSV UTF-8"
        ) from problem
