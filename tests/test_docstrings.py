"""The examples in docstrings run, and completion offers only the public names."""

import doctest
import importlib
import inspect
import pkgutil

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import kismet_nb as kn


@pytest.mark.parametrize("name", [module.name for module in pkgutil.walk_packages(kn.__path__, "kismet_nb.")])
def test_the_examples_of_a_module_run(name):
    """Each example prints what its docstring shows."""
    assert 0 == doctest.testmod(importlib.import_module(name)).failed


def test_the_package_offers_what_it_documents():
    """``dir()``, which completion in a notebook uses, lists only the public names, each with a docstring."""
    assert sorted(kn.__all__) == dir(kn)
    assert all(getattr(kn, name).__doc__ for name in dir(kn))


@pytest.mark.parametrize("module", [kn.summaries, kn.charts])
def test_a_public_module_offers_only_its_functions(module):
    """IPython's completion after kn.summaries. and kn.charts. shows only the public functions."""
    shell = InteractiveShell()
    shell.user_ns["module"] = module
    with provisionalcompleter():
        offered = {completion.text.lstrip(".") for completion in shell.Completer.completions("module.", 7)}

    assert sorted(module.__all__) == dir(module)
    assert set(module.__all__) == {name for name in offered if not name.startswith("_")}
    assert all(inspect.isfunction(getattr(module, name)) for name in module.__all__)
