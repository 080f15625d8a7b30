"""[I/O] `messages`: the messages behind a number, in the format asked for."""

import argparse
import sys

from receiver.config import Settings
from reconcile import conditions, dictionary, message_list, options
from reconcile.rendering import message_table, notices

_FORMATS = ("table", "csv", "excel-csv", "json", "parquet", "md")
_FIT_A_SCREEN = 50
_MEANINGS = "?"  # of --columns without a value


def add_options(command: argparse.ArgumentParser) -> None:
    options.add(command, formats=_FORMATS)
    names = ", ".join(conditions.columns())
    command.add_argument(
        "--columns", metavar="A,B", nargs="?", const=_MEANINGS,
        help=f"all, or some of: {names}; alone: what each of them means",
    )  # fmt: skip
    command.add_argument(
        "--limit", metavar="N", type=options.count,
        help=f"at most so many [table: {_FIT_A_SCREEN}, else all]",
    )  # fmt: skip


def carry_out(settings: Settings, given: argparse.Namespace) -> int:
    if given.columns == _MEANINGS:
        return options.deliver_dictionary(dictionary.of_messages(), given)
    table = given.format == "table"
    columns = message_list.columns_named(given.columns or "all")
    if table and not given.columns:
        columns = message_list.LONG if message_table.is_wide() else message_list.SHORT
    question, merged = options.asked(settings, given)
    if table and not given.columns:  # what was asked for is shown
        columns = tuple(dict.fromkeys((*columns, *(c.name for c in question.where))))
    found = message_list.message_list(
        settings, question, merged, columns=columns,
        limit=given.limit or (_FIT_A_SCREEN if table else None),
    )  # fmt: skip
    if not table:
        options.deliver(options.ROWS[given.format](found.table), given)
    elif given.output is None:
        message_table.render(found)
    else:
        options.deliver(message_table.as_text(found).encode(), given)
    for hint in found.hints:
        print(f"reconcile: {hint}", file=sys.stderr)
    if not found.count and not found.hints:
        print(notices.none_found(question, merged, settings.data_dir), file=sys.stderr)
    return 0
