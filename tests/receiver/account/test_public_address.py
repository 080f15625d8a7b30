"""The setting is what counts; else a tunnel of this machine that ends at the receiver."""

from typing import Any

import pytest

from receiver.account.public_address import Address, find
from receiver.config import SettingError
from tests.receiver.account.making import answering, settings

NOBODY = "http://127.0.0.1:9"
QUICK = "three-random-words.trycloudflare.com"


def found(ngrok: str = NOBODY, cloudflared: str = NOBODY, **given: str) -> Address:
    asked = {"PUBLIC_URL": "", "RECEIVER_PORT": "8080", **given}
    return find(settings(NOBODY, **asked), ngrok=ngrok, cloudflared=(NOBODY, cloudflared))


def tunnel(url: str, addr: str) -> dict[str, Any]:
    """As ngrok's agent shows one."""
    return {
        "name": "command_line",
        "uri": "/api/tunnels/command_line",
        "public_url": url,
        "proto": url.partition(":")[0],
        "config": {"addr": addr, "inspect": True},
    }


def rules(*ingress: dict[str, Any]) -> dict[str, Any]:
    """As cloudflared shows its configuration."""
    return {"version": 0, "config": {"ingress": ingress, "warp-routing": {}}}


def test_the_setting_wins_over_any_tunnel() -> None:
    url = "https://a.ngrok.app"
    with answering(api_tunnels={"tunnels": [tunnel(url, "http://localhost:8080")]}) as ngrok:
        assert found(ngrok.url, PUBLIC_URL="https://sms.example.org/") == Address(
            "https://sms.example.org"
        )
        assert ngrok.asked == []


@pytest.mark.parametrize("addr", ["http://localhost:8080", "localhost:8080", "8080"])
def test_ngrok_tells_its_address(addr: str) -> None:
    listed = [tunnel("http://a.ngrok.app", addr), tunnel("https://a.ngrok.app", addr)]
    with answering(api_tunnels={"tunnels": listed}) as ngrok:
        assert found(ngrok.url) == Address("https://a.ngrok.app", "ngrok")


def test_a_tunnel_to_something_else_is_named_and_not_taken() -> None:
    listed = [tunnel("https://a.ngrok.app", "http://localhost:3000")]
    with answering(api_tunnels={"tunnels": listed}) as ngrok:
        with pytest.raises(SettingError, match=r"a\.ngrok\.app leads to http://localhost:3000"):
            found(ngrok.url)
        assert found(ngrok.url, RECEIVER_PORT="3000").url == "https://a.ngrok.app"


def test_a_quick_tunnel_of_cloudflared_is_found() -> None:
    config = rules({"hostname": "", "path": None, "service": "http://localhost:8080"})
    with answering(quicktunnel={"hostname": QUICK}, config=config) as cloudflared:
        assert found(cloudflared=cloudflared.url) == Address(f"https://{QUICK}", "cloudflared")
        with pytest.raises(SettingError, match="leads to http://localhost:8080"):
            found(cloudflared=cloudflared.url, RECEIVER_PORT="8081")


def test_a_quick_tunnel_that_does_not_say_where_it_ends_is_taken() -> None:
    with answering(quicktunnel={"hostname": QUICK}) as cloudflared:
        assert found(cloudflared=cloudflared.url).url == f"https://{QUICK}"


def test_a_named_tunnel_of_cloudflared_is_found_by_its_rule() -> None:
    config = rules(
        {"hostname": "www.example.org", "service": "http://localhost:3000"},
        {"hostname": "sms.example.org", "service": "http://127.0.0.1:8080"},
        {"hostname": "", "service": "http_status:404"},
    )
    with answering(quicktunnel={"hostname": ""}, config=config) as cloudflared:
        assert found(cloudflared=cloudflared.url).url == "https://sms.example.org"


def test_between_two_tunnels_nobody_chooses() -> None:
    listed = [tunnel("https://a.ngrok.app", "8080"), tunnel("https://b.ngrok.app", "8080")]
    with (
        answering(api_tunnels={"tunnels": listed}) as ngrok,
        pytest.raises(SettingError, match=r"any of https://a\.ngrok\.app, https://b\.ngrok\.app"),
    ):
        found(ngrok.url)


@pytest.mark.parametrize(
    "said",
    [
        (200, "<html>"), (500, {}), (200, []), (200, {}), {"tunnels": None}, {"tunnels": ["a"]},
        {"tunnels": [{"public_url": 3}]}, {"tunnels": [{"public_url": "https://a", "config": 1}]},
        {"tunnels": [{"public_url": "https://a", "config": {"addr": "http://[::1"}}]},
    ],
)  # fmt: skip
def test_whatever_else_answers_there_is_no_tunnel_to_us(said: object) -> None:
    with answering(api_tunnels=said, quicktunnel=said, config=said) as server:
        try:
            assert found(server.url, server.url).url == "https://a"
        except SettingError as problem:
            assert "ngrok http 8080" in str(problem)  # noqa: PT017


def test_without_any_address_it_says_what_to_do() -> None:
    with pytest.raises(SettingError, match=r"PUBLIC_URL is not set.*ngrok http 8080.*cloudflared"):
        found()
