"""The examples in the documentation of the code run."""

import doctest
import importlib
import pkgutil

import pytest

import sluicegate

MODULES = ["sluicegate", *(f"sluicegate.{module.name}" for module in pkgutil.iter_modules(sluicegate.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_everything_public_is_documented():
    for name in sluicegate.__all__:
        thing = getattr(sluicegate, name)
        if not isinstance(thing, type):
            continue
        assert thing.__doc__, name
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and callable(value):
                assert value.__doc__, f"{name}.{attribute}"
