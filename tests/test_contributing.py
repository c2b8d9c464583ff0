"""CONTRIBUTING.md: the modules and functions that it names exist, and no module is left out."""

import importlib
import operator
import re
import tomllib
from pathlib import Path

import pytest

import kismet_nb as kn

ROOT = Path(__file__).parents[1]
PACKAGE = Path(kn.__file__).parent  # an installed wheel, or the folder of the checkout
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| (\d) \| `(kismet_nb/(?:\w+/)?)` \| .+ \| (.+) \|$", TEXT, re.MULTILINE)
FUNCTIONS = re.findall(r"^\d\. `([\w.]+)` in\s`kismet_nb/(\w+)/(\w+)\.py`", TEXT, re.MULTILINE)


def test_the_table_names_every_module():
    """Each module has one place in the table of the architecture, and no other module is named."""
    named = [f"{folder}{module}.py" for _, folder, modules in TABLE for module in re.findall(r"`(\w+)`", modules)]
    modules = [file.relative_to(PACKAGE.parent).as_posix() for file in PACKAGE.rglob("*.py")]

    assert sorted(named) == sorted(module for module in modules if not module.endswith("__init__.py"))


def test_the_layers_are_those_that_are_checked():
    """The numbers in the table are the order of the layers in pyproject.toml, from the bottom."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contract = settings["importlinter"]["contracts"][0]
    checked = {
        name: number
        for number, layer in enumerate(reversed(contract["layers"]), start=1)
        for name in layer.split(" | ")
    }
    named = {}
    for number, folder, modules in TABLE:
        for name in [Path(folder).name] if folder != "kismet_nb/" else re.findall(r"`(\w+)`", modules):
            named[name] = int(number)

    assert checked == named


def test_the_way_of_a_call_is_named():
    """Both lists are there: down to the socket and back."""
    assert ("fetch_users", "fetch", "users") == FUNCTIONS[0]
    assert ("Connection.send", "transport", "connection") in FUNCTIONS
    assert ("set_provenance", "tables", "provenance") == FUNCTIONS[-1]


@pytest.mark.parametrize(("name", "folder", "module"), FUNCTIONS)
def test_a_function_on_the_way_exists(name, folder, module):
    """It is in the module that is named."""
    assert callable(operator.attrgetter(name)(importlib.import_module(f"kismet_nb.{folder}.{module}")))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:kismet_nb|tests|data|\.ci)/[\w./]*)`", TEXT))))
def test_a_path_exists(path):
    """Files and folders in backticks are there."""
    folder = PACKAGE.parent if path.startswith("kismet_nb/") else ROOT

    assert (folder / path).exists()
