"""What a region has to make databases of, as it is kept with the region. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infra.domain.makings import Offer, OptionGroup, ParameterGroup, SecurityGroup, Stock, SubnetGroup


def stock_as_json(stock: Stock) -> dict[str, Any]:
    kept = asdict(stock)
    kept["offers"] = [asdict(one) for one in stock.offers.values()]
    kept["names"] = []
    return kept


def _offer_from_json(kept: Mapping[str, Any]) -> Offer:
    lists = {name: tuple(value) for name, value in kept.items() if isinstance(value, list)}
    return Offer(**{**kept, **lists})


def stock_from_json(kept: Mapping[str, Any], names: frozenset[str]) -> Stock:
    offers = [_offer_from_json(one) for one in kept.get("offers", ())]
    options = [{**one, "lasting": tuple(one["lasting"])} for one in kept.get("option_groups", ())]
    return Stock(
        subnet_groups=tuple(SubnetGroup(**one) for one in kept.get("subnet_groups", ())),
        option_groups=tuple(OptionGroup(**one) for one in options),
        parameter_groups=tuple(ParameterGroup(**one) for one in kept.get("parameter_groups", ())),
        groups=tuple(SecurityGroup(**one) for one in kept.get("groups", ())),
        offers={one.key: one for one in offers},
        storage_left=kept.get("storage_left"),
        databases_left=kept.get("databases_left"),
        names=names,
        upgrades={key: tuple(found) for key, found in kept.get("upgrades", {}).items()},
    )
