"""A checkout service with a leak: every order is remembered for a report that nobody reads."""

from __future__ import annotations

from dataclasses import dataclass

from examples.demo.services.web import Reply, serve

LINES_PER_ORDER = 40
LINE_BYTES = 480
ORDERS: dict[int, Order] = {}


@dataclass
class Order:
    """What a customer bought: its lines as they came in."""

    number: int
    lines: list[bytes]


def remember_order(number: int) -> Order:
    """Keep the order for the daily report. Nothing ever takes it out again: this is the leak."""
    order = ORDERS[number] = Order(number, [])
    for index in range(LINES_PER_ORDER):
        order.lines.append(b"article %06d " % index + bytes(LINE_BYTES))
    return order


def checkout(number: int) -> Reply:
    """Answer one request."""
    order = remember_order(number)
    return 200, f"order {order.number} with {len(order.lines)} lines\n"


if __name__ == "__main__":
    serve(checkout)
