"""Where settings come from, which source wins, and what is refused."""

from pathlib import Path

import pytest

from receiver import config
from tests.processes import command

NAME = "PLIVO_AUTH_TOKEN"
OPEN_TO_OTHERS = (0o640, 0o604, 0o644)


def dotenv(folder: Path, mode: int = 0o600) -> Path:
    path = folder / ".env"
    path.write_text(f"{NAME}=of-dotenv\n", encoding="utf-8")
    path.chmod(mode)
    return path


def credential(folder: Path, name: str, content: bytes) -> str:
    place = folder / "credentials"
    place.mkdir()
    (place / name).write_bytes(content)
    return str(place)


@pytest.mark.parametrize("spelled", [NAME, NAME.lower()])
def test_a_credential_of_systemd_is_a_setting(spelled: str, tmp_path: Path) -> None:
    """Without the line end that an editor leaves; other files there are somebody else's."""
    place = credential(tmp_path, spelled, b"of-credentials\n")
    Path(place, "tls.key").write_bytes(b"\xff\xfe")
    settings = config.load(environment={"CREDENTIALS_DIRECTORY": place})
    assert settings.plivo_auth_token == "of-credentials"
    assert settings.plivo_auth_id is None


def test_flag_then_environment_then_credential_then_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is there together with all that come after it."""
    for name in config.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    place = dotenv(tmp_path)
    assert config.load(dotenv=place).plivo_auth_token == "of-dotenv"
    of_systemd = credential(tmp_path, "plivo_auth_token", b"of-credentials")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", of_systemd)
    assert config.load(dotenv=place).plivo_auth_token == "of-credentials"
    monkeypatch.setenv(NAME, "of-environment")
    assert config.load(dotenv=place).plivo_auth_token == "of-environment"
    assert config.load({NAME: "of-flag"}, dotenv=place).plivo_auth_token == "of-flag"


@pytest.mark.parametrize("content", [b"\xff\xfe-secret", None])
def test_a_credential_that_cannot_be_read_is_an_error(
    content: bytes | None, tmp_path: Path
) -> None:
    """And no secret that is missing."""
    place = credential(tmp_path, NAME, content) if content else str(tmp_path / "nowhere")
    with pytest.raises(config.SettingError, match="CREDENTIALS_DIRECTORY is ") as refused:
        config.load(environment={"CREDENTIALS_DIRECTORY": place})
    assert "secret" not in str(refused.value).replace(place, "")


@pytest.mark.parametrize("mode", OPEN_TO_OTHERS)
def test_a_dotenv_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    with pytest.raises(config.SettingError, match=r"others can read it; chmod 600 .*\.env"):
        config.load(dotenv=dotenv(tmp_path, mode))


@pytest.mark.parametrize("program", ["receiver seal", "reconcile merge"])
def test_both_programs_refuse_it_with_2_and_the_command_that_mends_it(
    program: str, tmp_path: Path
) -> None:
    dotenv(tmp_path, 0o644)
    done = command(*program.split(), settings={"DATA_DIR": str(tmp_path)}, cwd=tmp_path)
    assert done.returncode == 2
    assert "chmod 600 .env" in done.stderr
    assert "of-dotenv" not in done.stderr
    (tmp_path / ".env").chmod(0o600)
    done = command(*program.split(), settings={"DATA_DIR": str(tmp_path)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_secret_of_a_credential_is_not_shown_where_it_is_wrong(tmp_path: Path) -> None:
    place = credential(tmp_path, "receiver_path_secret", b"sh0rt\n")
    with pytest.raises(config.SettingError, match=r"RECEIVER_PATH_SECRET is \*\*\*") as refused:
        config.load(environment={"CREDENTIALS_DIRECTORY": place})
    assert "sh0rt" not in str(refused.value)


@pytest.mark.parametrize(("written", "mib"), [("2GB", 2048), ("1500 mb", 1500), ("1gb", 1024)])
def test_a_limit_of_memory_is_in_mebibytes(written: str, mib: int) -> None:
    assert config.load(environment={"MEMORY_LIMIT": written}).memory_limit == mib


@pytest.mark.parametrize("written", ["2", "lots", "-2GB", "1000MB", "2TB"])
def test_a_limit_of_memory_that_is_none_is_refused_with_what_is_allowed(written: str) -> None:
    with pytest.raises(config.SettingError, match="1GB or more, such as 2GB or 1500MB"):
        config.load(environment={"MEMORY_LIMIT": written})
