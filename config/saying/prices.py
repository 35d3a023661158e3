"""Prices, amounts and hours in words."""

from datetime import timedelta
from decimal import Decimal

from django.utils.formats import number_format

from config.saying.fields import field
from config.words import prices, sentence
from infra.domain.prices import plain, unit_of
from infra.queries.savings import rounded


def price_problem_short(problem: object) -> str:
    """What is wrong, where the line is in sight."""
    return sentence(prices.PROBLEMS, str(field(problem, "code")), {"value": field(problem, "value") or "—"})


def price_problem(problem: object) -> str:
    """The same with the number of the line in its table."""
    text, line = price_problem_short(problem), field(problem, "line")
    return str(prices.LINE) % {"line": line, "problem": text} if line else text


def price_amount(per_hour: Decimal) -> str:
    """The price of an hour without zeros at its end."""
    return plain(per_hour)


def price_unit(kind: object) -> str:
    """What the price of a kind is for: "an hour"."""
    return str(prices.UNITS[unit_of(str(kind))])


def money(pair: tuple[str, Decimal]) -> str:
    """An amount with its currency: "12,345 JPY"."""
    currency, amount = pair
    return str(prices.MONEY) % {"amount": rounded(amount, currency), "currency": currency}


def amount_of(amount: Decimal, currency: str) -> str:
    """An amount without its currency, which stands beside it."""
    return rounded(amount, currency)


def whole_hours(value: timedelta | Decimal) -> str:
    """Hours, rounded, with the thousands set off."""
    hours = value / timedelta(hours=1) if isinstance(value, timedelta) else value
    return number_format(round(hours), force_grouping=True)


def line_money(line: object) -> str:
    """The amount of one billed type."""
    return money((str(field(field(line, "price"), "currency")), Decimal(str(field(line, "amount")))))


def advice_text(advice: object) -> str:
    """What to do with a left-over volume."""
    return sentence(prices.ADVICE, str(advice), {})
