"""Where a request came from, behind proxies of ours or not."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as people write them ("10.0.0.0/8", "127.0.0.1"). Raises ValueError: no network, or everybody."""
    networks = tuple(ip_network(text.strip()) for text in texts)
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError(
            "a network of everybody: then each client would choose the address that is kept of him"
        )
    return networks


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The last address that no trusted proxy vouches for: `peer` connected to us, `forwarded` is X-Forwarded-For.

    Each proxy appends who connected to it, so only what trusted ones appended counts, read from the right; whatever
    stands further left, a client may have written himself. What is no address ends the reading at who passed it on.
    """
    here = _read(peer)
    if here is None or not _is_among(here, trusted):
        return peer
    for text in reversed(forwarded.split(",")):
        before = _read(text)
        if before is None:
            break
        here = before
        if not _is_among(here, trusted):
            break
    return str(here)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port; an IPv4 address in IPv6 clothes is the IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether a text is an address of one of these networks."""
    found = _read(address)
    return found is not None and _is_among(found, networks)


def _is_among(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
