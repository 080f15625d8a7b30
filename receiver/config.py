"""[I/O] One frozen record of settings; the only reader of environment, credentials and `.env`.

Each setting is described here once: its default, what is allowed, what it is for.
The README's table and the `--help` of every command are made from these lines.
"""

import argparse
import difflib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from receiver import setting_values as allowed
from receiver.setting_values import Token


class SettingError(Exception):
    """A setting is missing or wrong; the message names it and says what is allowed."""


def _setting(default: str, parse: Callable[[str], Any], about: str, *, secret: bool = False) -> Any:
    return field(metadata={"default": default, "parse": parse, "about": about, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of both programs, checked. Names are those of the environment in lower case."""

    plivo_auth_id: str | None = _setting(
        "", allowed.optional, "Auth ID of the Plivo account (console, Overview)"
    )
    plivo_auth_token: str | None = _setting(
        "", allowed.optional, "its auth token: reads the log, checks signatures", secret=True
    )
    plivo_extra_auth_tokens: tuple[Token, ...] = _setting(
        "",
        allowed.tokens,
        "more tokens whose signatures count, comma-separated, each `token` or `SA…:token`: "
        "subaccounts, or the old token while you rotate",
        secret=True,
    )
    plivo_api_url: str = _setting(
        "https://api.plivo.com",
        allowed.base_url,
        "where Plivo's API is; a stand-in can serve",
    )
    data_dir: Path = _setting("data", Path, "the data folder")
    public_url: str | None = _setting(
        "",
        allowed.base_url,
        "the receiver's address as Plivo calls it; signatures are checked against it",
    )
    receiver_host: str = _setting("127.0.0.1", allowed.text, "address to listen on")
    receiver_port: int = _setting(
        "8080", allowed.whole(0, 65535), "port to listen on; 0 takes a free one"
    )
    receiver_processes: int = _setting(
        "1",
        allowed.whole(1, 64),
        "receiver processes that share the port, each with its own journal",
    )
    receiver_threads: int = _setting(
        "4",
        allowed.whole(1, 512),
        "threads for `/readyz` and `/metrics`; callbacks are answered without one",
    )
    receiver_path_secret: str | None = _setting(
        "",
        allowed.path_secret,
        "last segment of the callback path, known to Plivo and you; "
        "a V2 signature leaves the body open, so set it",
        secret=True,
    )
    trusted_proxy: str | None = _setting(
        "",
        allowed.address,
        "address of the proxy in front whose `X-Forwarded-For` is believed, for the sender's "
        "address in log lines; no other forwarding header ever is",
    )
    signature_policy: str = _setting(
        "strict",
        allowed.choice("strict", "v2-too"),
        "`strict`: where a V3 signature is sent it must match; `v2-too`: a V2 one will do",
    )
    relay_url: str | None = _setting(
        "",
        allowed.handler_url,
        "a handler of your own that each delivery report goes on to, after the 200 and from disk, "
        "with Plivo's signature headers and in order per message",
        secret=True,
    )
    seal_seconds: float = _setting(
        "60", allowed.seconds, "seconds from one sealing of the journal to the next"
    )
    log_requests_per_minute: int = _setting(
        "20", allowed.whole(1, 1_000_000), "Plivo's quota for reading the message log"
    )
    count_from: str = _setting(
        "v3",
        allowed.choice("v3", "any", "never"),
        "reports that prove a message to be in the log, so that large windows of it are counted "
        "instead of listed: those signed `v3`, `any`, or `never`",
    )
    receipt_horizon_hours: int = _setting(
        "72",
        allowed.whole(1, 2160),
        "hours without a sign of life after which no receipt is expected",
    )
    callback_time_zone: str = _setting(
        "UTC",
        allowed.zone_name,
        "zone of the times in callbacks; the audit tells if they are in another one",
    )

    engine: str = _setting(
        "duckdb",
        allowed.choice("duckdb", "spark"),
        "what merges and counts: `duckdb` in this process, or `spark` (install the extra of that "
        "name) where one machine is too small",
    )
    spark_master: str = _setting(
        "local[*]",
        allowed.spark_master,
        "where Spark runs; spark-submit's own `--master` goes before it",
    )
    memory_limit: int = _setting(
        "2GB",
        allowed.memory,
        "most memory that a merge takes, such as `2GB` or `1500MB`; the rest goes to "
        "`state/merge/spill/`, that of a pull that counts to `state/pull-spill/`",
    )
    archive_url: str | None = _setting(
        "",
        allowed.archive_url,
        "`s3://bucket/prefix` that `ship` copies to, and that dropped days are read from; it "
        "belongs to this data folder alone",
    )
    archive_endpoint: str | None = _setting(
        "", allowed.base_url, "address of another S3 store than that of AWS"
    )

    # The descriptor of a listening socket that systemd or our own supervisor hands down.
    listen_fd: int | None = None

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Every token that may sign, the main account's first."""
        main = (Token(self.plivo_auth_token, self.plivo_auth_id),) if self.plivo_auth_token else ()
        return main + self.plivo_extra_auth_tokens


def names() -> list[str]:
    """The settings' names in the environment, in the order of the README."""
    return [setting.name.upper() for setting in fields(Settings) if setting.metadata]


def describe(name: str) -> tuple[str, str]:
    """A setting's default ("" = none) and what it is for."""
    metadata = Settings.__dataclass_fields__[name.lower()].metadata
    return metadata["default"], metadata["about"]


def load(
    flags: Mapping[str, str | None] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    dotenv: Path = Path(".env"),
) -> Settings:
    """The settings in force: flag over environment over systemd's credentials over `.env`.

    Raises SettingError with the name, the value (secrets masked) and what is allowed.
    """
    from_file = {} if environment is not None else _from_dotenv(dotenv)
    around = os.environ if environment is None else environment
    meant = {
        unknown: close[0]
        for unknown in sorted(set(from_file) - set(names()))
        if (close := difflib.get_close_matches(unknown.upper(), names(), n=1, cutoff=0.75))
    }
    if meant:
        wrong = "; ".join(f"{unknown} is no setting, {name} is" for unknown, name in meant.items())
        raise SettingError(f"{dotenv}: {wrong}")
    layers = (flags or {}, around, _credentials(around.get("CREDENTIALS_DIRECTORY")), from_file)
    values = {}
    for setting in (setting for setting in fields(Settings) if setting.metadata):
        name = setting.name.upper()
        given = next((text for layer in layers if (text := layer.get(name)) is not None), None)
        text = (given or "").strip() or setting.metadata["default"]
        try:
            values[setting.name] = setting.metadata["parse"](text)
        except ValueError as wrong:
            shown = "***" if setting.metadata["secret"] or "@" in text else repr(text)
            raise SettingError(f"{name} is {shown}; allowed: {wrong}") from None
    return Settings(**values, listen_fd=_handed_down(around))


def _from_dotenv(path: Path) -> Mapping[str, str | None]:
    if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        raise SettingError(f"{path} holds secrets, and others can read it; chmod 600 {path}")
    return dotenv_values(path)


def _credentials(folder: str | None) -> Mapping[str, str]:
    """Those of systemd (LoadCredential=, systemd.exec(5)) that are named like a setting."""
    if not folder:
        return {}
    try:
        files = {path.name.upper(): path for path in Path(folder).iterdir()}
        return {name: files[name].read_text(encoding="utf-8") for name in names() if name in files}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingError(
            f"CREDENTIALS_DIRECTORY is {folder}, and cannot be read: {problem}"
        ) from problem


def _handed_down(said: Mapping[str, str]) -> int | None:
    """The first descriptor of systemd is always 3, and meant for one process (sd_listen_fds(3))."""
    systemd = said.get("LISTEN_PID") == str(os.getpid()) and said.get("LISTEN_FDS") == "1"
    return 3 if systemd else None


def counters_folder() -> str | None:
    """Where the processes of one supervisor share their counters; prometheus-client names it."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def java_home() -> str | None:
    """Where Java is, if not on the path; Spark's own scripts read it, too."""
    return os.environ.get("JAVA_HOME") or None


def under_spark_submit() -> bool:
    """Whether spark-submit started this program, and so has said where Spark runs."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def of_a_child(**more: str) -> dict[str, str]:
    """The environment for a process of our own."""
    return {**os.environ, **more}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting, named like it: DATA_DIR is --data-dir."""
    group = parser.add_argument_group(
        "settings (also from the environment, systemd credentials or .env)"
    )
    for name in names():
        default, about = describe(name)
        shown = f" [{default}]" if default else ""
        group.add_argument(
            f"--{name.lower().replace('_', '-')}",
            dest=name,
            metavar="…",
            help=about.replace("%", "%%") + shown,
        )


def flags_of(options: argparse.Namespace) -> dict[str, str | None]:
    """The settings given as flags."""
    return {name: getattr(options, name, None) for name in names()}
