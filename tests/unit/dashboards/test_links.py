"""Addresses of other pages and of source lines."""

from datetime import UTC, datetime

from dashboards.links import compare_url, flame_url, service_url, source_url

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def test_a_services_address_quotes_its_name_and_drops_what_is_empty() -> None:
    assert service_url("a b/c", "flame", search="", from_="1") == "/services/a%20b%2Fc/flame/?from=1"
    assert service_url("shop") == "/services/shop/"


def test_ranges_travel_as_unix_seconds() -> None:
    assert flame_url("shop", (START, END), search="main.f") == (
        "/services/shop/flame/?from=1767225600&to=1767312000&search=main.f"
    )
    assert "base_from=1767225600&base_to=1767312000" in compare_url("shop", (START, END), (START, END))


def test_a_source_link_fills_in_file_line_and_release() -> None:
    template = "https://git.example.org/shop/blob/{release}/{file}#L{line}"
    found = source_url(template, file="cmd/a b.go", line=7, release="v1.2")
    assert found == "https://git.example.org/shop/blob/v1.2/cmd/a%20b.go#L7"
    assert source_url(template, file="x.go", line=7, release="").count("HEAD") == 1


def test_a_source_link_is_only_ever_a_web_address() -> None:
    assert source_url("javascript:alert({line})", file="x.go", line=7, release="") == ""
    assert source_url("https://x/{file}", file="", line=7, release="") == ""
