"""A real S3 API on this machine: moto's server in a process of its own, one bucket a test."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import fs

from tests import processes

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_numbers = count(1)


@dataclass(frozen=True)
class Bucket:
    """What lies in it, by the names that the data folder has for it."""

    endpoint: str
    name: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"s3://{self.name}/plivo"

    @property
    def archive(self) -> dict[str, str]:
        """Where it is, without who may."""
        return {"ARCHIVE_URL": self.url, "ARCHIVE_ENDPOINT": self.endpoint}

    @property
    def settings(self) -> dict[str, str]:
        return {**self.archive, **CREDENTIALS}

    @property
    def files(self) -> fs.S3FileSystem:
        return _client(self.endpoint)

    def names(self) -> list[str]:
        found = self.files.get_file_info(fs.FileSelector(f"{self.name}/plivo", recursive=True))
        return sorted(
            i.path.removeprefix(f"{self.name}/plivo/") for i in found if i.type == fs.FileType.File
        )

    def content(self, name: str) -> bytes:
        with self.files.open_input_stream(f"{self.name}/plivo/{name}") as stream:
            return bytes(stream.read())

    def write(self, name: str, content: bytes) -> None:
        with self.files.open_output_stream(f"{self.name}/plivo/{name}") as stream:
            stream.write(content)

    def rows(self, folder: str) -> int:
        """As a foreign reader counts them, who knows nothing of superseded files."""
        return sum(
            pq.read_table(f"{self.name}/plivo/{name}", filesystem=self.files).num_rows
            for name in self.names()
            if name.startswith(f"{folder}/date=") and name.endswith(".parquet")
        )


@contextmanager
def serving(log: Path) -> Iterator[Bucket]:
    """The store; its `new()` buckets live in memory and end with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=said, stderr=said, env=processes.environment(CREDENTIALS),
        )  # fmt: skip
    try:
        first = Bucket(f"http://127.0.0.1:{port}", "first", process)
        _wait(first)
        yield first
    finally:
        process.kill()
        process.wait()


def new(store: Bucket) -> Bucket:
    bucket = Bucket(store.endpoint, f"bucket-{next(_numbers)}", store.process)
    bucket.files.create_dir(bucket.name)
    return bucket


def _wait(store: Bucket) -> None:
    give_up_at = time.monotonic() + 60
    port = int(store.endpoint.rpartition(":")[2])
    while time.monotonic() < give_up_at:
        assert store.process.poll() is None, "moto's server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("moto's server does not listen")


def _client(endpoint: str) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"), scheme="http", region="us-east-1",
        access_key="key", secret_key="secret", allow_bucket_creation=True,
        allow_delayed_open=True,
    )  # fmt: skip
