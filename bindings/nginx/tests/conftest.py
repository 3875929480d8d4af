"""What the tests have in common: a server of their own each, with the module that was built."""

import os

import pytest
from server import IS_PART_OF_NGINX, MODULE, NGINX, Nginx


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long, and is run where SLUICE_LONG_TESTS is set")
    if not MODULE.exists() and not IS_PART_OF_NGINX:
        pytest.exit(f"{MODULE} is not there: run bindings/nginx/build, or tests/run, which does", 4)


def pytest_collection_modifyitems(items):
    if "SLUICE_LONG_TESTS" in os.environ:
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="it takes long: set SLUICE_LONG_TESTS"))


@pytest.fixture
def nginx(tmp_path):
    """Makes a server with a configuration: `with nginx(text, workers=4) as server`."""
    assert NGINX, "nginx is not installed"
    made = []

    def make(http, **options):
        home = tmp_path / f"nginx-{len(made)}"
        home.mkdir()
        made.append(home)
        return Nginx(home, http, **options)

    return make
