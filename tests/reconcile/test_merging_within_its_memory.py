"""A merge keeps to MEMORY_LIMIT however much lies on disk; what does not fit waits on disk."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_a_day_of_six_hundred_thousand_messages_is_merged_in_a_gigabyte(tmp_path: Path) -> None:
    truth = report_folder.write(World(600_000, 1), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _MERGE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["messages"] == truth.messages
    assert told["mib"] <= 1024
