"""The sockets to databases: only under a name of RDS, and only at an address that this database can have.

The name is resolved and judged first, and the connection goes to exactly the address that was judged. A name of RDS may lead to a private
address in anybody's network, and Toban's own may have the same: one is called only in a VPC that whoever runs Toban has named as one that
it reaches (TOBAN_DATABASE_NETWORKS). Never called are the machine's own addresses, those of the link, such as the one that gives a machine its
credentials, and reserved ones: a name that leads there is called at none of its addresses. On a trial on one's own machine anything is called.
"""

from __future__ import annotations

import ipaddress
import socket
import time

from django.conf import settings

from accounts.outside import is_public, resolved
from infra.domain.reach import VPC_NETWORKS, callable_address


class NotCalled(OSError):
    """An address that is not called; `code`: not_rds, address_refused (no database can be there), network_not_named."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(said or code)
        self.code = code


def address_of(name: str, *, timeout: float, vpc: str = "") -> str:
    """The address to call under this name; vpc: that of the database, as AWS calls it. Raises NotCalled, TimeoutError where no name
    server answers, OSError where nobody knows the name."""
    if not callable_address(name, local=settings.LOCAL):
        raise NotCalled("not_rds")
    try:
        found = resolved(name, None, timeout)
    except ValueError as error:  # no name at all
        raise OSError(str(error)) from error
    refusals = {address: code for address in found if (code := _refusal(address, vpc))}
    for code in ("address_refused", "network_not_named"):
        if wrong := next((address for address, why in refusals.items() if why == code), ""):
            raise NotCalled(code, wrong)
    return found[0]


def dial(name: str, port: int, *, timeout: float, vpc: str = "") -> socket.socket:
    """A connected socket, the name looked up and all within the time. Raises OSError, of which NotCalled is one."""
    ends = time.monotonic() + timeout
    address = address_of(name, timeout=timeout, vpc=vpc)
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError(f"{name}: {timeout:g} s")
    return socket.create_connection((address, port), timeout=left)


def _refusal(address: str, vpc: str) -> str:
    """Why an address is not called (a code), or ""."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if settings.LOCAL or is_public(one):
        return ""
    if not any(one in network for network in VPC_NETWORKS):
        return "address_refused"
    named = any(one in network for network in settings.DATABASE_NETWORKS.get(vpc, ()))
    return "" if named else "network_not_named"
