"""Build the wheel, install it in an environment of its own, and run the fast tests on it outside of the checkout.

Run it with the Python that is to be tested, on Linux, macOS or Windows::

    python3.12 .ci/fast_tests.py
    python3.11 .ci/fast_tests.py --lowest  # with the lowest versions that pyproject.toml allows

Other arguments go to pytest.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
FAST = "not slow and not browser and not site and not libreoffice and not engines"
NOT_OURS = {"test", "dev", "engines", "bench"}  # extras for those who change the package: any version will do
LEFT_OUT = ("kismet_nb", ".git", ".venv", "build", "dist", "*cache*", ".hypothesis")


def lowest() -> str:
    """Return pip's constraints for the lowest versions of the package's own dependencies."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    own = [*project["dependencies"], *(line for name, lines in extras if name not in NOT_OURS for line in lines)]
    return "".join(f"{line.replace('>=', '==')}\n" for line in own if re.fullmatch(r"[\w-]+>=[\d.]+", line))


def main(arguments: list[str]) -> int:
    """Run the tests and return pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="kismet-nb-tests-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        python = next(folder.glob("venv/[Bb]in/python")) if os.name == "posix" else folder / "venv/Scripts/python.exe"
        # Most modules of the dependencies are never imported, so compiling all of them takes longer than it saves.
        install = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
        if "--lowest" in arguments:
            arguments.remove("--lowest")
            constraints = folder / "lowest.txt"
            constraints.write_text(lowest(), encoding="utf-8")
            print(lowest().replace("\n", " "))
            install += ["--constraint", constraints]
        print(f"Installing the wheel and the tests' packages for Python {sys.version.split()[0]} …", flush=True)
        subprocess.run([*install, f"{CHECKOUT}[test]"], check=True)
        shutil.copytree(CHECKOUT, folder / "tests", ignore=shutil.ignore_patterns(*LEFT_OUT))
        # More processes than cores: many tests wait. "-n 4" is overridden by a later -n.
        environment = os.environ | {"PYTHONUTF8": "1"}  # tests read files without an encoding; the package does not
        pytest = [python, "-m", "pytest", "-q", "-n", "4", "-p", "no:cacheprovider", "-m", FAST]
        pytest += ["--ignore=tests/browser", *arguments]  # they import packages that are not installed here
        return subprocess.run(pytest, cwd=folder / "tests", env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
