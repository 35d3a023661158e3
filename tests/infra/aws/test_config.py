"""The settings reach the gateway, and a change of them makes a new one."""

from __future__ import annotations

from pytest_django import Settings

from infra.aws.config import Config, get_config
from infra.aws.gateway import Gateway, current, using


def test_settings_reach_the_gateway(settings: Settings) -> None:
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
    settings.REDIS_URL = "unix:///run/valkey.sock?db=0"
    settings.AWS_CONNECT_TIMEOUT_S = 1.5
    settings.AWS_READ_TIMEOUT_S = 7.0
    config = get_config()
    assert (config.endpoint_url, config.redis_url) == ("http://127.0.0.1:1", "unix:///run/valkey.sock?db=0")
    assert (config.connect_timeout_s, config.read_timeout_s) == (1.5, 7.0)


def test_the_gateway_is_kept_until_the_settings_change(settings: Settings) -> None:
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
    first = current()
    assert current() is first
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:2"
    assert current() is not first
    assert current().config.endpoint_url == "http://127.0.0.1:2"


def test_a_chosen_gateway_is_used_instead(settings: Settings) -> None:
    chosen = Gateway(Config(endpoint_url="http://127.0.0.1:3"))
    with using(chosen):
        assert current() is chosen
    assert current() is not chosen
