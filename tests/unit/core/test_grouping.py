"""Which package a frame belongs to, and how groups are shown."""

from __future__ import annotations

import pytest

from profiler_server.core.grouping import Granularity, group_by, package_of
from profiler_server.core.profile import Frame
from profiler_server.core.tree import flame_tree
from tests.unit.core.building import a_profile


@pytest.mark.parametrize(
    ("function", "file", "package"),
    [
        (
            "github.com/grab/async.(*task).Run",
            "/go/src/github.com/grab/async/async.go",
            "github.com/grab/async",
        ),
        ("main.handler.func1", "main.go", "main"),
        ("runtime.mallocgc", "/usr/lib/go/src/runtime/malloc.go", "runtime"),
        ("net/http.(*conn).serve", "net/http/server.go", "net/http"),
        ("slices.SortFunc[go.shape.[]int,go.shape.int]", "slices/sort.go", "slices"),
        ("gopkg.in/yaml%2ev3.Unmarshal", "yaml.go", "gopkg.in/yaml%2ev3"),
        ("zeros", "/srv/venv/lib/python3.11/site-packages/numpy/core/numeric.py", "numpy"),
        ("get", "/usr/lib/python3/dist-packages/requests.py", "requests"),
        ("loads", "/usr/lib/python3.11/json/__init__.py", "json"),
        ("parse", "/usr/local/lib/python3.12/ast.py", "ast"),
        ("handler", "app/shop/cart.py", "app/shop"),
        ("handle", "/app/node_modules/express/lib/router.js", "express"),
        ("x", "/app/node_modules/a/node_modules/@scope/b/i.js", "@scope/b"),
        ("com.shop.Cart.add", "Cart.java", "com.shop"),
        ("std::vector<int>::push_back(int&&)", "vector", "std"),
        ("alloc::vec::Vec<T>::push", "vec.rs", "alloc"),
        ("malloc", "/build/glibc/malloc/malloc.c", "/build/glibc/malloc"),
        ("malloc", "", "malloc"),
    ],
)
def test_packages(function: str, file: str, package: str) -> None:
    assert package_of(Frame(function, file)) == package


def test_neighbours_of_one_package_become_one_frame_and_recursion_stays() -> None:
    profile = a_profile({"a.f;a.g;b.h;a.f": 3, "a.f;a.f": 4})
    packages = group_by(profile, Granularity.PACKAGE).contents()
    assert {tuple(f.function for f in stack): row for (stack, _), row in packages.items()} == {
        ("a", "b", "a"): (3,),
        ("a",): (4,),
    }
    functions = group_by(profile, Granularity.FUNCTION).contents()
    assert ("a.f", "a.f") in {tuple(f.function for f in stack) for stack, _ in functions}


def test_children_are_in_alphabetical_order() -> None:
    tree = flame_tree(a_profile({"m.main;z.z": 1, "m.main;a.a": 1, "m.main;b.b": 5}))
    assert [tree.names[i] for i in tree.name_id.tolist()] == ["total", "m.main", "a.a", "b.b", "z.z"]
