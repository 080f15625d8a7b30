"""Whatever a test or a process of a test says to the outside is an error."""

import socket
import subprocess
import sys

import pytest

from tests.guard.sitecustomize import LeftTheMachine
from tests.processes import environment

ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's


def test_a_test_that_leaves_the_machine_fails() -> None:
    with pytest.raises(LeftTheMachine), socket.socket() as line:
        line.connect((ELSEWHERE, 80))
    with pytest.raises(LeftTheMachine):
        socket.getaddrinfo("api.plivo.com", 443)


def test_a_process_of_a_test_that_leaves_the_machine_fails() -> None:
    code = f"import socket; socket.create_connection(({ELSEWHERE!r}, 80), timeout=1)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment({}), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"LeftTheMachine" in done.stderr


def test_who_stays_here_is_let_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname()).close()
        socket.create_connection(("localhost", listener.getsockname()[1])).close()
