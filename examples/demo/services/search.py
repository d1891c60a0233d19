"""A search service without a leak: its cache is bounded, and its working memory follows the load."""

from __future__ import annotations

from functools import lru_cache

from examples.demo.services.web import Reply, serve

CACHED_QUERIES = 500
HITS = 200


@lru_cache(maxsize=CACHED_QUERIES)
def find(query: int) -> tuple[str, ...]:
    """Return the hits of a query; the cache keeps the last `CACHED_QUERIES` of them."""
    return tuple(f"hit {query}-{index}" for index in range(HITS))


def search(number: int) -> Reply:
    """Answer one request."""
    hits = find(number % (2 * CACHED_QUERIES))
    page = [hit.upper() for hit in hits]
    return 200, f"{len(page)} hits\n"


if __name__ == "__main__":
    serve(search)
