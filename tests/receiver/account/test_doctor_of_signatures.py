"""Refused requests: which setting would let them in. What it names does let them in."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl

import pytest

from receiver import config, quarantine
from receiver.account.doctor import refused
from receiver.diagnosis import Line, examined
from receiver.quarantine import Quarantine, Refusal
from tests.processes import get, wait_until
from tests.receiver import serving
from tests.receiver.sending import FORM, PATH, SETTINGS, TOKEN, ask, connect
from tests.simulator.signing import signature_headers

HERE = SETTINGS["PUBLIC_URL"]
BODY = b"MessageUUID=m1&Status=delivered"


def signed_headers(
    url: str = HERE + PATH,
    *,
    families: Literal["v2", "v3", "both"] = "v3",
    token: str = TOKEN,
) -> dict[str, str]:
    return signature_headers(
        method="POST", url=url, pairs=parse_qsl(BODY.decode()), nonce="12345", token=token,
        main_token=token, families=families,
    )  # fmt: skip


def refusal(headers: dict[str, str], *, reason: str = "no match: v3") -> Refusal:
    return Refusal(
        received_at=datetime.now(UTC), kind="delivery_report", http_method="POST", path=PATH,
        query=b"", body=BODY, headers=headers, reason=reason,
    )  # fmt: skip


def keep(data_dir: Path, *refusals: Refusal) -> None:
    data_dir.mkdir(exist_ok=True)
    aside = Quarantine(data_dir / "quarantine", not_kept=lambda: pytest.fail("not kept"))
    for one in refusals:
        aside.put(one)
    aside.close()


def settings(data_dir: Path, **given: str) -> config.Settings:
    return config.load(environment={**SETTINGS, "DATA_DIR": str(data_dir), **given})


def told(data_dir: Path, **given: str) -> list[Line]:
    return examined(refused.checks(settings(data_dir, **given)))


def spoiled(headers: dict[str, str]) -> dict[str, str]:
    """As V3 would look that never matches."""
    names = ("X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3")
    return {**headers, **dict.fromkeys(set(names) & set(headers), "c3BvaWxlZA==")}


def test_where_nothing_is_refused_all_is_well_and_no_folder_is_made(tmp_path: Path) -> None:
    (line,) = told(tmp_path / "data")
    assert line.level == "ok"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("called", "host", "mend"),
    [
        ("http://sms.example.org", {}, {"PUBLIC_URL": "http://sms.example.org"}),
        (
            "https://sms.example.net",
            {"Host": "sms.example.net"},
            {"PUBLIC_URL": "https://sms.example.net"},
        ),
        (
            "http://sms.example.net:8443",
            {"Host": "127.0.0.1:8080", "X-Forwarded-Host": "a.example, sms.example.net:8443"},
            {"PUBLIC_URL": "http://sms.example.net:8443"},
        ),
    ],
)
def test_an_address_that_was_called_is_named(
    tmp_path: Path, called: str, host: dict[str, str], mend: dict[str, str]
) -> None:
    keep(tmp_path, *[refusal({**signed_headers(called + PATH), **host})] * 3)
    (line,) = told(tmp_path)
    assert line.level == "broken"
    assert line.said == "3 of 3 refused in 24 h match with another setting"
    assert_mends(tmp_path, line, mend)


def assert_mends(data_dir: Path, line: Line, mend: dict[str, str]) -> None:
    """The line names these settings, and with them a recheck admits what was refused."""
    assert dict(re.findall(r"([A-Z_]{5,})=([^\s;]+)", line.mend)) == mend
    assert "python -m receiver recheck" in line.mend
    assert quarantine.recheck(settings(data_dir)).admitted == 0
    assert quarantine.recheck(settings(data_dir, **mend)).admitted == 1


def test_v3_that_never_matches_is_known_by_its_v2(tmp_path: Path) -> None:
    keep(tmp_path, refusal(spoiled(signed_headers(families="both"))))
    (line,) = told(tmp_path)
    assert_mends(tmp_path, line, {"SIGNATURE_POLICY": "v2-too"})


def test_two_settings_that_only_help_together_are_named_together(tmp_path: Path) -> None:
    keep(tmp_path, refusal(spoiled(signed_headers("http://sms.example.org" + PATH,
                                                  families="both"))))  # fmt: skip
    (line,) = told(tmp_path)
    both = {"PUBLIC_URL": "http://sms.example.org", "SIGNATURE_POLICY": "v2-too"}
    assert_mends(tmp_path, line, both)


@pytest.mark.parametrize("url", [f"{HERE}{PATH}/", f"{HERE}/{PATH}"])
def test_a_slash_that_somebody_tidied_away_is_in_the_url_not_in_a_setting(
    tmp_path: Path, url: str
) -> None:
    keep(tmp_path, refusal(signed_headers(url)))
    (line,) = told(tmp_path)
    assert line.level == "broken"
    assert "without another slash" in line.mend


def test_what_is_mended_already_waits_for_a_recheck(tmp_path: Path) -> None:
    keep(tmp_path, refusal(signed_headers()))
    (line,) = told(tmp_path)
    assert line.mend.startswith("python -m receiver recheck admits them")


def test_each_setting_says_how_many_it_would_admit(tmp_path: Path) -> None:
    by_http = refusal(signed_headers("http://sms.example.org" + PATH))
    forged = refusal(signed_headers(token="of-somebody"))
    bare = refusal({"Host": "sms.example.org"}, reason="no signature header")
    keep(tmp_path, by_http, by_http, by_http, forged, bare, bare)
    lines = told(tmp_path)
    assert [(line.level, line.said[:20]) for line in lines] == [
        ("broken", "3 of 6 refused in 24"),
        ("warning", "1 of 6 refused in 24"),
        ("warning", "2 of 6 refused in 24"),
    ]
    assert "X-Plivo-Signature" in lines[2].mend


def test_a_wrong_token_cannot_be_guessed_and_is_asked_for(tmp_path: Path) -> None:
    keep(tmp_path, refusal(signed_headers(token="new-one")))
    (line,) = told(tmp_path)
    assert line.level == "broken"
    assert "PLIVO_EXTRA_AUTH_TOKENS" in line.mend
    assert quarantine.recheck(settings(tmp_path, PLIVO_AUTH_TOKEN="new-one")).admitted == 1


def test_what_was_refused_days_ago_does_not_matter(tmp_path: Path) -> None:
    old = replace(refusal(signed_headers(token="x")), received_at=_ago(hours=25))
    keep(tmp_path, old)
    assert [line.level for line in told(tmp_path)] == ["ok"]


def test_of_many_only_the_newest_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(refused, "_MOST", 2)
    old = replace(refusal(signed_headers(token="x")), received_at=_ago(hours=1))
    keep(tmp_path, old, *[refusal(signed_headers("http://sms.example.org" + PATH))] * 2)
    (line,) = told(tmp_path)
    assert line.said.startswith("2 of the newest 2 of 3 refused")


def _ago(*, hours: int) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def test_a_real_receiver_keeps_by_which_host_it_was_called(tmp_path: Path) -> None:
    """And what it kept is admitted without that: a handler behind RELAY_URL sees Plivo's only."""
    data_dir = tmp_path / "data"
    called = {"Host": "sms.example.net", "Content-Type": FORM}
    with serving.serving(data_dir) as process, closing(connect(process.url)) as connection:
        headers = signed_headers("https://sms.example.net" + PATH)
        assert ask(connection, "POST", PATH, BODY, {**headers, **called}).status == 403
        wait_until(_kept(data_dir))
        assert get(f"{process.url}/healthz") == "alive\n"
    (line,) = told(data_dir)
    assert_mends(data_dir, line, {"PUBLIC_URL": "https://sms.example.net"})


def _kept(data_dir: Path) -> Callable[[], bool]:
    return lambda: quarantine.newest(data_dir / "quarantine", since=_ago(hours=1), most=1)[0] == 1
