"""A receiver proves to whoever knows its token which data folder it serves; nothing is stored."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from receiver import journal_file, probe
from receiver.setting_values import Token
from receiver.signature import SignedRequest
from tests.processes import Process, get
from tests.receiver import serving
from tests.receiver.sending import PATH, PUBLIC_URL, TOKEN, connect

NONCE = "4f2a"


def question(
    target: str = PATH, *, public_url: str = PUBLIC_URL, token: str = TOKEN, method: str = "HEAD"
) -> dict[str, str]:
    parts = urlsplit(public_url + target)
    asked = SignedRequest(
        method=method,
        url=f"{public_url}{parts.path}",
        query=parts.query.encode(),
        body=b"",
        headers={},
    )
    return {probe.HEADER: probe.question(asked, NONCE, Token(token))}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probe") / "data"


@pytest.fixture(scope="module")
def receiver(data_dir: Path) -> Iterator[Process]:
    with serving.serving(data_dir) as process:
        yield process


def asked(
    receiver: Process, headers: dict[str, str], target: str = PATH, method: str = "HEAD"
) -> tuple[int, str | None]:
    with closing(connect(receiver.url)) as connection:
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader(probe.HEADER)


def test_the_receiver_of_this_data_folder_is_known_by_its_answer(
    receiver: Process, data_dir: Path
) -> None:
    status, proof = asked(receiver, question())
    (journal,) = journal_file.journals(data_dir / "journal")
    assert (status, probe.is_of(proof or "", NONCE, [journal.stem])) == (200, True)
    assert not probe.is_of(proof or "", NONCE, ["another"])
    assert not probe.is_of(proof or "", "another nonce", [journal.stem])


@pytest.mark.parametrize(
    "headers",
    [
        question(token="wrong"),
        question(public_url="https://other.example.org"),
        question(f"{PATH}?tag=lost"),
        {probe.HEADER: NONCE},
        {probe.HEADER: " "},
        {probe.HEADER: "é ü"},
    ],
)
def test_who_cannot_sign_gets_no_proof(receiver: Process, headers: dict[str, str]) -> None:
    given = {name: value.encode("latin-1") for name, value in headers.items()}
    status, proof = asked(receiver, given)  # type: ignore[arg-type]  # http.client takes bytes
    assert (status, proof or probe.REFUSED) == (200, probe.REFUSED)


def test_a_head_without_a_question_is_answered_as_ever(receiver: Process) -> None:
    assert asked(receiver, {}) == (200, None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_probe_that_became_another_request_on_the_way_is_no_callback(
    receiver: Process, method: str
) -> None:
    """Nor does its signature do under the name that Plivo's has."""
    headers = question(method=method)
    nonce, signature = headers[probe.HEADER].split(" ")
    names = ("X-Plivo-Signature-V3", "X-Plivo-Signature-V2")
    as_plivo = dict.fromkeys(names, signature) | {f"{name}-Nonce": nonce for name in names}
    assert asked(receiver, {**headers, **as_plivo}, method=method) == (403, None)


def test_a_probe_leaves_nothing(tmp_path: Path) -> None:
    with serving.serving(tmp_path / "data") as receiver:
        for headers in (question(), question(token="wrong")):
            assert asked(receiver, headers)[0] == 200
        assert 'receiver_refused_total{reason="signature"} 0.0' in get(f"{receiver.url}/metrics")
    assert serving.stored(tmp_path / "data") == []
    assert not (tmp_path / "data" / "quarantine" / "refused.sqlite").exists()
