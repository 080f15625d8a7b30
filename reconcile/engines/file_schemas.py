"""[I/O] What the footers of Parquet files say, held against what is wanted of them."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from receiver.day_files import FileProblem, unreadable


def schemas_of(files: Sequence[Path], wanted: pa.Schema) -> list[pa.Schema]:
    """Of each file the wanted columns that it has, typed as there.

    Raises FileProblem where a column that must not be null is missing, or is of another kind.
    """
    needed = {field.name for field in wanted if not field.nullable}
    found = []
    for path in files:
        try:
            held = pq.read_schema(path)
        except (pa.ArrowException, OSError) as problem:
            raise unreadable(path, problem) from problem
        if missing := needed - set(held.names):
            raise FileProblem(
                f"{path} has no column {', '.join(sorted(missing))}: it is not one of our files. "
                "Move it out of the data folder."
            )
        common = [field for field in wanted if field.name in held.names]
        for field in common:
            _check_kind(path, field, held.field(field.name).type)
        found.append(pa.schema([held.field(field.name) for field in common]))
    return found


def _check_kind(path: Path, wanted: pa.Field, found: pa.DataType) -> None:
    if pa.types.is_dictionary(found):
        found = found.value_type
    kinds = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_decimal, pa.types.is_integer,
             pa.types.is_boolean, _is_text)  # fmt: skip
    if not any(kind(found) and kind(wanted.type) for kind in kinds) and not pa.types.is_null(found):
        raise FileProblem(
            f"{path} has {wanted.name} as {found}, not {wanted.type}: it is not one of our files. "
            "Move it out of the data folder."
        )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
