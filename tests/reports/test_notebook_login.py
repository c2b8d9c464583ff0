"""A report that is written from a notebook uses the notebook's login and changes nothing in the notebook."""

import os
import re
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest

import kismet_nb as kn

pytestmark = pytest.mark.slow

LOG_IN = "import kismet_nb as kn; kn.login(kn.KismetClient({id!r}, {secret!r}, api_url={url!r}))"
# Code that reads all places of the report's process in which another process could find a secret.
LOOK_AROUND = """
import os, pathlib, sys, tempfile
import kismet_nb as kn
login = kn.login()
print("source:", login.source)
print(pathlib.Path("/proc/self/environ").read_bytes(), pathlib.Path("/proc/self/cmdline").read_bytes())
print(dict(os.environ), sys.argv, In, Out, list(globals()))
for file in pathlib.Path(tempfile.gettempdir()).rglob("*"):
    print(file, file.read_bytes() if file.is_file() else "")
print(repr(login), repr(login.client), vars(login.client), kn.login_status())
"""


def notebook(*sources):
    """Write a report's notebook."""
    made = [nbformat.v4.new_code_cell("demo = False", metadata={"tags": ["parameters"]})]
    made += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=made), "own.ipynb")


def logged_in(kernel, demo):
    """Log the kernel in to the demo organization, as the form does."""
    code = LOG_IN.format(id=demo.client_id, secret=demo.client_secret, url=demo.api_url)
    assert "Logged in: 131 users" in kernel.run(code)
    kernel.messages.clear()


def test_a_report_has_the_login_of_the_notebook(kernel, demo, tmp_path):
    """It has priority over the environment. The secret is in no file, variable, argument, message or output."""
    notebook(LOOK_AROUND, "len(kn.fetch_users(progress=False))")
    logged_in(kernel, demo)
    (tmp_path / "temporary").mkdir()
    others = {
        "TMPDIR": str(tmp_path / "temporary"),
        "KISMET_CLIENT_ID": "other-id",
        "KISMET_CLIENT_SECRET": "wrong-one",
    }
    said = kernel.run(f"import os; os.environ.update({others})\nkn.report('r.html', notebook='own.ipynb')")
    page = Path("r.html").read_text()

    assert "PosixPath('r.html')" in said
    assert "source: the argument" in page
    assert "<pre>131</pre>" in page
    assert "kernel.json" in page
    assert "Logged in: 131 users" in page
    for text in (page, said, Path("own.ipynb").read_text()):
        assert demo.client_secret not in text
    assert [] == list((tmp_path / "temporary").iterdir())


def test_the_report_has_the_settings_of_the_client(demo):
    """The report fetches with the same settings as the notebook's client."""
    notebook(
        "import kismet_nb as kn\nclient = kn.login().client\nprint(client.page_size, client.verify, client.strict)"
    )
    kn.login(
        kn.KismetClient(
            demo.client_id, demo.client_secret, api_url=demo.api_url, page_size=50, verify="twice", strict=True
        )
    )
    kn.report("r.html", notebook="own.ipynb")

    assert "50 twice True" in Path("r.html").read_text()


def test_a_report_changes_nothing_in_the_notebook(kernel, demo):
    """Variables, the display hook, settings of Altair and pandas, and the login are as they were."""
    notebook(
        """
import sys
import altair, pandas as pd
import kismet_nb as kn
users = demo = kn = 7
sys.displayhook = print
altair.renderers.enable("html")
pd.set_option("display.max_rows", 3)
pd.DataFrame.head = None
"""
    )
    logged_in(kernel, demo)
    look = """
import sys
import altair, pandas as pd
(kn.login_status().login.source, sys.displayhook, altair.renderers.active, pd.get_option("display.max_rows"),
 pd.DataFrame.head, pd.DataFrame._repr_html_, sorted(name for name in globals() if name[0] != "_"))
"""
    before, _, after = (kernel.run(code) for code in (look, "kn.report('r.html', notebook='own.ipynb'); None", look))

    results = [re.search(r'"text/plain": "(.*?[^\\])"', said)[1] for said in (before, after)]
    assert results[0] == results[1]


def test_a_refused_login_is_one_error_and_no_report(demo):
    """If the credentials were revoked after the login, the error has the same class as without a report."""
    notebook("1")
    with kn.DemoOrganization() as other:
        kn.login(kn.KismetClient(other.client_id, other.client_secret, api_url=other.api_url))
        kn.login_status().login.client.credentials.client_id = "revoked-client"
        with pytest.raises(kn.AuthenticationError) as caught:
            kn.report("r.html", notebook="own.ipynb")

    assert other.client_secret not in str(caught.value)
    assert not Path("r.html").exists()


def test_an_interrupt_in_a_notebook_ends_the_report_and_its_kernel(kernel, demo):
    """The cell ends with KeyboardInterrupt, no other process is left, and the notebook can continue."""
    notebook("import os, time; open('part', 'w').write(str(os.getpid())); os.rename('part', 'pid')\ntime.sleep(90)")
    logged_in(kernel, demo)
    process = int(re.search(r"pid: (\d+)", kernel.run("import os; print('pid:', os.getpid())"))[1])

    def interrupt():
        while not Path("pid").exists():
            time.sleep(0.1)
        os.kill(process, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    said = kernel.run("kn.report('r.html', notebook='own.ipynb')")

    assert '"ename": "KeyboardInterrupt"' in said
    assert not Path("r.html").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)
    assert "131 users" in kernel.run("print(kn.login_status().login)")
