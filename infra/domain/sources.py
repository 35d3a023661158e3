"""Where the schedule of a resource comes from; the order here is the order of precedence."""

from enum import StrEnum


class Source(StrEnum):
    """RESOURCE: assigned in the portal. TAG: Schedule=<name>. TAGS: AutoStart/AutoStop. PROJECT, TENANT: assigned."""

    RESOURCE = "resource"
    TAG = "tag"
    TAGS = "tags"
    PROJECT = "project"
    TENANT = "tenant"
