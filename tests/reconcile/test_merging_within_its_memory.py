"""A merge keeps to MEMORY_LIMIT however much lies on disk; what does not fit waits on disk."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.problem import EngineProblem
from tests.bench import report_folder
from tests.bench.drawn_world import World

_MERGE = """
import json, re, sys
from pathlib import Path
from receiver import config
from reconcile.merging import merge

settings = config.load({"DATA_DIR": sys.argv[1], "MEMORY_LIMIT": "1GB"}, environment={})
merged = merge(settings)
# not ru_maxrss: that remembers the process that started this one
most = re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())
print(json.dumps({"messages": merged.messages, "mib": int(most[1]) // 1024}))
"""


def _merged(data_dir: Path) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", _MERGE, str(data_dir)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, int] = json.loads(done.stdout)
    return told


def test_many_days_of_few_messages_take_little_memory(tmp_path: Path) -> None:
    """Thirty are derived together; each has files of its own."""
    truth = report_folder.write(World(300, 30), tmp_path)
    assert _merged(tmp_path)["messages"] == truth.messages


def test_what_does_not_fit_at_all_is_said_with_what_to_do(tmp_path: Path) -> None:
    with DuckDBEngine(40, tmp_path) as engine:
        engine.execute("set max_temp_directory_size = '1MB'")
        with pytest.raises(EngineProblem, match="set MEMORY_LIMIT higher"):
            engine.keep_answer("large", "select 'x' || range from range(10000000)")


@pytest.mark.slow
def test_a_day_of_six_hundred_thousand_messages_is_merged_in_a_gigabyte(tmp_path: Path) -> None:
    truth = report_folder.write(World(600_000, 1), tmp_path)
    told = _merged(tmp_path)
    assert told["messages"] == truth.messages
    assert told["mib"] <= 1024
