"""The sockets to databases: only under a name of RDS, and only at an address that a database can have.

The name is resolved and judged first, and the connection goes to exactly the address that was judged. A network of AWS's has private
addresses or public ones, and never the machine's own, those of the link, such as the one that gives a machine its credentials, or
reserved ones: a name that leads there is called at none of its addresses. On a trial on one's own machine anything is called.
"""

from __future__ import annotations

import ipaddress
import socket

from django.conf import settings

from accounts.outside import Reach
from infra.domain.reach import VPC_NETWORKS, callable_address

_OF_A_VPC = Reach(private=VPC_NETWORKS)


class NotCalled(OSError):
    """An address at which no database can be; `code`: not_rds, or address_refused."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(said or code)
        self.code = code


def address_of(name: str) -> str:
    """The address to call under this name. Raises NotCalled, socket.gaierror where nobody knows the name."""
    if not callable_address(name, local=settings.LOCAL):
        raise NotCalled("not_rds")
    found = [str(one[4][0]) for one in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    wrong = [one for one in found if not _may_be_called(one)]
    if wrong:
        raise NotCalled("address_refused", wrong[0])
    return found[0]


def dial(name: str, port: int, *, timeout: float) -> socket.socket:
    """A connected socket. Raises OSError, of which NotCalled is one."""
    return socket.create_connection((address_of(name), port), timeout=timeout)


def _may_be_called(address: str) -> bool:
    return settings.LOCAL or _OF_A_VPC.takes(ipaddress.ip_address(address.partition("%")[0]))
