"""What was refused for its signature is kept aside, and admitted once the settings are mended."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver import config, day_files, journal_file, quarantine, sealing
from receiver.journal import Journal
from receiver.quarantine import Quarantine, Refusal
from receiver.signature import SignedRequest, sign, signed_message
from tests.processes import Process, command, get, wait_until

URL = "https://sms.example.org"
SETTINGS = {"PLIVO_AUTH_ID": "MAXXXXXXXXXXXXXXXXXX", "PLIVO_AUTH_TOKEN": "right", "PUBLIC_URL": URL}
RECEIVED_AT = datetime(2026, 3, 1, 23, 59, 59, 123456, tzinfo=UTC)


def refusal(body: bytes = b"MessageUUID=m1&Status=sent", nonce: str = "1") -> Refusal:
    """A request that the token 'right' signed."""
    request = SignedRequest(
        method="POST", url=f"{URL}/delivery_report", query=b"", body=body, headers={}
    )
    signature = sign(signed_message(request, nonce.encode(), version=3), "right").decode()
    return Refusal(
        received_at=RECEIVED_AT,
        kind="delivery_report",
        http_method="POST",
        path="/delivery_report",
        query=b"",
        body=body,
        headers={"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce},
        reason="no match: v3",
    )


def keep(data_dir: Path, *refusals: Refusal) -> int:
    """Put them into the quarantine; how many were not kept."""
    lost: list[int] = []
    aside = Quarantine(data_dir / "quarantine", not_kept=lambda: lost.append(1))
    for one in refusals:
        aside.put(one)
    aside.close()
    return len(lost)


def settings(data_dir: Path, **given: str) -> config.Settings:
    return config.load({"DATA_DIR": str(data_dir), **SETTINGS, **given}, environment={})


def stored(data_dir: Path) -> list[dict[str, object]]:
    sealing.seal_all(data_dir)
    rows: list[dict[str, object]] = []
    for path in day_files.live_files(data_dir / "reports"):
        rows += day_files.read(path).to_pylist()
    return rows


def test_a_request_that_matches_by_now_is_admitted_in_its_first_reception_time(
    tmp_path: Path,
) -> None:
    keep(tmp_path, refusal())
    assert quarantine.recheck(settings(tmp_path)).admitted == 1
    (row,) = stored(tmp_path)
    assert (row["received_at"], row["signature"]) == (RECEIVED_AT, "v3")
    assert row["account"] == "MAXXXXXXXXXXXXXXXXXX"
    assert row["body"] == "MessageUUID=m1&Status=sent"


def test_a_request_that_still_does_not_match_stays_where_it_is(tmp_path: Path) -> None:
    keep(tmp_path, refusal())
    wrong = quarantine.recheck(settings(tmp_path, PLIVO_AUTH_TOKEN="wrong"))
    assert (wrong.admitted, wrong.still_refused) == (0, 1)
    assert quarantine.recheck(settings(tmp_path)).admitted == 1


def test_a_retry_of_the_same_report_is_admitted_once(tmp_path: Path) -> None:
    keep(tmp_path, refusal(nonce="1"), refusal(nonce="2"), refusal(b"MessageUUID=m2", nonce="3"))
    found = quarantine.recheck(settings(tmp_path))
    assert (found.admitted, found.copies) == (2, 1)
    assert len(stored(tmp_path)) == 2


def test_a_second_recheck_admits_nothing_again(tmp_path: Path) -> None:
    keep(tmp_path, refusal())
    quarantine.recheck(settings(tmp_path))
    assert quarantine.recheck(settings(tmp_path)).admitted == 0
    assert len(stored(tmp_path)) == 1


def test_a_recheck_killed_between_admitting_and_letting_go_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal remembers the refusal in the transaction that admits it."""
    keep(tmp_path, refusal())

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "_forget", die)
        with pytest.raises(KeyboardInterrupt):
            quarantine.recheck(settings(tmp_path))
    assert len(stored(tmp_path)) == 1
    assert quarantine.recheck(settings(tmp_path)).admitted == 0
    assert len(stored(tmp_path)) == 1


def test_refusals_beyond_the_limit_are_only_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_BYTES", quarantine._SPARE_BYTES + 200_000)
    lost = sum(keep(tmp_path, refusal(b"x" * 60_000)) for _ in range(6))
    assert 1 <= lost <= 5
    size = sum(path.stat().st_size for path in (tmp_path / "quarantine").iterdir())
    assert size <= quarantine.MOST_BYTES


@pytest.fixture
def receiver_with_wrong_token(tmp_path: Path) -> Iterator[Process]:
    process = Process(
        ["receiver", "serve"],
        {**SETTINGS, "PLIVO_AUTH_TOKEN": "old", "DATA_DIR": str(tmp_path), "RECEIVER_PORT": "0"},
        tmp_path / "log",
    )
    yield process
    process.stop()


def test_recheck_beside_serve_admits_what_serve_refused(
    tmp_path: Path, receiver_with_wrong_token: Process
) -> None:
    wanted = refusal()
    request = urllib.request.Request(  # noqa: S310  loopback
        receiver_with_wrong_token.url + wanted.path, data=wanted.body, headers=dict(wanted.headers)
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=5)  # noqa: S310
    wait_until(lambda: _refused(tmp_path) == 1)
    done = command("receiver", "recheck", settings={**SETTINGS, "DATA_DIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "admitted 1 " in done.stdout
    assert [row["message_uuid"] for row in stored(tmp_path)] == ["m1"]
    assert get(f"{receiver_with_wrong_token.url}/healthz") == "alive\n"


def _refused(data_dir: Path) -> int:
    if not (data_dir / "quarantine" / "refused.sqlite").exists():
        return 0
    with closing(quarantine._open(data_dir / "quarantine")) as connection:
        return int(connection.execute("select count(*) from refused").fetchone()[0])


def test_a_recheck_takes_a_journal_that_no_living_process_owns(tmp_path: Path) -> None:
    keep(tmp_path, refusal())
    with Journal(tmp_path / "journal") as serving:
        quarantine.recheck(settings(tmp_path))
        assert len(journal_file.journals(tmp_path / "journal")) == 2
        assert serving.path.exists()
