"""The examples in docstrings run, and completion offers the documented names."""

import doctest
import importlib
import pkgutil

import pytest

import kismet_nb as kn


@pytest.mark.parametrize("name", [module.name for module in pkgutil.walk_packages(kn.__path__, "kismet_nb.")])
def test_the_examples_of_a_module_run(name):
    """Each example prints what its docstring shows."""
    assert 0 == doctest.testmod(importlib.import_module(name)).failed


def test_the_package_offers_what_it_documents():
    """Completion in a notebook shows the public names alone, each with a docstring."""
    assert sorted(kn.__all__) == dir(kn)
    assert all(getattr(kn, name).__doc__ for name in dir(kn))
