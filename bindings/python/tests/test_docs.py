"""The examples in the documentation of the code run."""

import doctest
import importlib
import pkgutil

import pytest

import sluicegate

MODULES = ["sluicegate", *(module.name for module in pkgutil.walk_packages(sluicegate.__path__, "sluicegate."))]
PUBLIC = [name for name in MODULES if "._" not in name]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__, name
    for public in module.__all__:
        thing = getattr(module, public)
        if not isinstance(thing, type):
            continue
        assert thing.__doc__, public
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and callable(value):
                assert value.__doc__, f"{public}.{attribute}"
