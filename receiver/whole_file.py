"""[I/O] A checksum of a whole Parquet file, kept inside it.

Parquet can guard its pages but not its footer, and most readers look at neither: a flipped bit
becomes another number or a column less. So the footer's metadata carries a SHA-256 of the file,
taken with the checksum's own place filled with zeros. Other readers see one more metadata key.
"""

import hashlib
import mmap
from pathlib import Path
from typing import BinaryIO

_KEY = b"sha256-of-file-with-zeros-here"
_ZEROS = b"0" * 64
METADATA = {_KEY.decode(): _ZEROS.decode()}
_NEAR = 16  # between key and value stand a few bytes of Thrift


def seal(file: BinaryIO) -> None:
    """Write the checksum into a file that was written with METADATA."""
    file.flush()
    with mmap.mmap(file.fileno(), 0) as content:
        place = _place_of_value(content)
        if place is None or content[place : place + 64] != _ZEROS:
            raise ValueError("the file was written without a place for its checksum")
        content[place : place + 64] = hashlib.sha256(content).hexdigest().encode()
        content.flush()


def is_sound(path: Path) -> bool | None:
    """Whether the file is as it was sealed; None where it carries no checksum of ours."""
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = _place_of_value(content)
            if place is None:
                return None
            digest = hashlib.sha256(memoryview(content)[:place])
            digest.update(_ZEROS)
            digest.update(memoryview(content)[place + 64 :])
            return content[place : place + 64] == digest.hexdigest().encode()


def _place_of_value(content: mmap.mmap) -> int | None:
    """Where the 64 digits stand: close behind the last place of the key."""
    key = content.rfind(_KEY)
    if key < 0:
        return None
    begin = key + len(_KEY)
    for place in range(begin, begin + _NEAR):
        if all(digit in b"0123456789abcdef" for digit in content[place : place + 64]):
            return place if len(content) >= place + 64 else None
    return None
