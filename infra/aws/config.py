"""Read what the gateway needs from the settings; the only place here that knows Django."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Config:
    """How to reach AWS and Redis.

    endpoint_url: "" means the real AWS. redis_url: "" means that pacing is kept in this process only.
    A lease must outlast connect + read timeout + pacing_max_wait_s of one send.
    """

    endpoint_url: str = ""
    redis_url: str = ""
    sts_region: str = "ap-northeast-1"
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 20.0
    max_pool_connections: int = 64
    pacing_max_wait_s: float = 10.0


def get_config() -> Config:
    """Build the configuration from the settings as they stand now (cheap; asked once per call)."""
    default = Config()
    return Config(
        endpoint_url=getattr(settings, "AWS_ENDPOINT_URL", "") or "",
        redis_url=getattr(settings, "REDIS_URL", "") or "",
        sts_region=getattr(settings, "AWS_STS_REGION", default.sts_region),
        connect_timeout_s=getattr(settings, "AWS_CONNECT_TIMEOUT_S", default.connect_timeout_s),
        read_timeout_s=getattr(settings, "AWS_READ_TIMEOUT_S", default.read_timeout_s),
        max_pool_connections=getattr(settings, "AWS_MAX_POOL_CONNECTIONS", default.max_pool_connections),
        pacing_max_wait_s=getattr(settings, "AWS_PACING_MAX_WAIT_S", default.pacing_max_wait_s),
    )
