"""A checkout service with a leak: every order is remembered for a report that nobody reads."""

from __future__ import annotations

from dataclasses import dataclass

from examples.demo.services.web import Reply, serve

LINES_PER_ORDER = 40
ORDERS: dict[int, Order] = {}


@dataclass
class Line:
    """One article of an order."""

    article: str
    note: bytes


@dataclass
class Order:
    """What a customer bought."""

    number: int
    lines: list[Line]


def parse_order(number: int) -> Order:
    """Read an order from the request; its memory is given back unless somebody keeps it."""
    return Order(number, [Line(f"article-{number}-{index}", bytes(400)) for index in range(LINES_PER_ORDER)])


def remember_order(number: int) -> Order:
    """Keep the order for the daily report. Nothing ever takes it out again: this is the leak."""
    order = ORDERS[number] = parse_order(number)
    return order


def checkout(number: int) -> Reply:
    """Answer one request."""
    order = remember_order(number)
    return 200, f"order {order.number} with {len(order.lines)} lines\n"


if __name__ == "__main__":
    serve(checkout)
