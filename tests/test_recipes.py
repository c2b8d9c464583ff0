"""The recipes in notebooks/07_schedules.ipynb: each command runs as its scheduler would run it."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

import kismet_nb as kn

PAGE = nbformat.read(Path(__file__).parents[1] / "notebooks" / "07_schedules.ipynb", 4)
TEXT = "\n".join(cell.source for cell in PAGE.cells if cell.cell_type == "markdown")
BLOCKS = re.findall(r"```(\w+)\n(.*?)\n```", TEXT, re.DOTALL)


def blocks(language):
    """Return the fenced blocks of a language."""
    return [block for name, block in BLOCKS if name == language]


@pytest.fixture
def machine(tmp_path, demo):
    """Return a folder that stands for /srv/kismet: an environment, credentials of two clinics, and their names."""
    (tmp_path / "venv").symlink_to(Path(sys.executable).parents[1])
    (tmp_path / "secrets").mkdir(mode=0o700)
    for name in ("clinic-a", "clinic-b"):
        (tmp_path / "secrets" / f"{name}.env").write_text(
            f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\n"
            f"KISMET_API_URL={demo.api_url}\n"
        )
    (tmp_path / "organizations.txt").write_text("clinic-a\nclinic-b\n")
    return tmp_path


def ended(command, machine, **environment):
    """Run a command with the few variables that a scheduler sets, and without a terminal. Return how it ended."""
    environment |= {"PATH": "/usr/bin:/bin", "HOME": str(machine)}
    return subprocess.run(
        [part.replace("/srv/kismet", str(machine)) for part in command],
        check=False,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run(command, machine, **environment):
    """Run a command as a scheduler. It must succeed and print nothing, so that nobody gets a mail."""
    process = ended(command, machine, **environment)

    assert (0, "", "") == (process.returncode, process.stdout, process.stderr)


@pytest.fixture
def secrets(machine, demo):
    """Write the files with the Client ID and the secret."""
    for name, value in (("client-id", demo.client_id), ("client-secret", demo.client_secret)):
        (machine / "secrets" / name).write_text(f"{value}\n")


def exported(machine):
    """Return the rows of each file in the folder of the exports."""
    return {file.name: len(kn.read_export(file)) for file in (machine / "exports").iterdir()}


def synced(machine):
    """Return the organizations in the store that were synced."""
    return sorted(set(kn.read_store(machine / "store", "users")["organization"]))


@pytest.mark.slow
def test_the_lines_of_cron(machine):
    """Five fields and a command for the shell."""
    variable, *lines = blocks("crontab")[0].splitlines()
    assert re.fullmatch(r"MAILTO=\S+@example\.org", variable)
    assert 2 == len(lines)
    for line in lines:
        *when, command = line.split(maxsplit=5)
        assert ["15", "5", "*", "*", "*"] == when
        assert "%" not in command  # cron would make a line end of it
        run(["/bin/sh", "-c", command], machine)

    assert ["clinic-a", "clinic-b"] == synced(machine)


@pytest.mark.slow
def test_the_units_of_systemd(machine):
    """The service with its credentials in the folder that systemd makes, and a timer."""
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    for unit, text in zip((service, timer), blocks("ini")[:2], strict=True):
        unit.optionxform = str
        unit.read_string(text)
    name, source = service["Service"]["LoadCredential"].replace("%i", "clinic-a").split(":")
    (machine / "credentials").mkdir()
    (machine / "credentials" / name).write_text(Path(source.replace("/srv/kismet", str(machine))).read_text())
    command = service["Service"]["ExecStart"].replace("%i", "clinic-a").replace("%d", f"{machine}/credentials")
    run(shlex.split(command), machine)

    assert ["clinic-a"] == synced(machine)
    assert ["oneshot", "timers.target"] == [service["Service"]["Type"], timer["Install"]["WantedBy"]]


@pytest.mark.slow
@pytest.mark.usefixtures("secrets")
def test_the_nightly_export_of_cron(machine, demo):
    """The second night replaces the files. With another secret, it fails and the files stay."""
    _, *variables, line = blocks("crontab")[1].splitlines()
    named = {name: file.replace("/srv/kismet", str(machine)) for name, file in (each.split("=") for each in variables)}
    *when, command = line.split(maxsplit=5)
    for _ in range(2):
        run(["/bin/sh", "-c", command], machine, KISMET_API_URL=demo.api_url, **named)
    files = exported(machine)
    (machine / "secrets" / "client-secret").write_text("another-secret\n")
    failed = ended(["/bin/sh", "-c", command], machine, KISMET_API_URL=demo.api_url, **named)

    assert ["45", "5", "*", "*", "*"] == when
    assert ["calls.parquet", "invites.parquet", "users.parquet"] == sorted(files)
    assert (131, files) == (files["users.parquet"], exported(machine))
    assert (1, "") == (failed.returncode, failed.stdout)
    assert failed.stderr.endswith("Written: nothing. Not tried: calls, invites.\n")
    assert 6 == (machine / "export.log").read_text().count(" INFO Wrote ")


@pytest.mark.slow
@pytest.mark.usefixtures("secrets")
def test_the_nightly_export_of_systemd(machine, demo):
    """systemd copies the credentials to a folder of its own, and the variables name them there."""
    service, timer = blocks("ini")[2:]
    settings = [line.split("=", 1) for line in service.splitlines() if "=" in line]
    (machine / "credentials").mkdir(mode=0o700)
    for name, source in (value.split(":") for key, value in settings if key == "LoadCredential"):
        (machine / "credentials" / name).write_text(Path(source.replace("/srv/kismet", str(machine))).read_text())
    of_once = dict(settings)
    named = dict(each.split("=") for each in of_once["Environment"].replace("%d", f"{machine}/credentials").split())
    run(shlex.split(of_once["ExecStart"]), machine, KISMET_API_URL=demo.api_url, **named)

    assert 131 == exported(machine)["users.parquet"]
    assert ("oneshot", "0077") == (of_once["Type"], of_once["UMask"])
    assert "WantedBy=timers.target" in timer.splitlines()


@pytest.mark.slow
def test_systemd_accepts_the_units(tmp_path):
    """Its own check of unit files says nothing."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return  # Only Linux has systemd.
    names = ("kismet-sync@.service", "kismet-sync@.timer", "kismet-export.service", "kismet-export.timer")
    for name, text in zip(names, blocks("ini"), strict=True):
        # The check wants a program that is there.
        (tmp_path / name).write_text(text.replace("/srv/kismet/venv/bin/kismet-nb", sys.executable))
    run = subprocess.run(
        [program, "verify", *(str(tmp_path / name.replace("@", "@clinic-a")) for name in names)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (0, "") == (run.returncode, run.stdout + run.stderr)


@pytest.mark.slow
def test_the_array_job_of_slurm(machine):
    """A task syncs the organization of its line."""
    script = machine / "sync.sh"
    script.write_text(blocks("bash")[0].replace("/srv/kismet", str(machine)))
    run(["/bin/bash", "/srv/kismet/sync.sh"], machine, SLURM_ARRAY_TASK_ID="2")

    assert ["clinic-b"] == synced(machine)


@pytest.mark.slow
def test_the_cron_job_of_kubernetes(machine):
    """The container's command, with the volumes where they are mounted."""
    job = yaml.safe_load(blocks("yaml")[0])
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (machine / "kismet.env").write_text((machine / "secrets" / "clinic-a.env").read_text())
    program, *arguments = container["command"] + container["args"]
    assert "kismet-nb" == program
    places = {mounts["secrets"]: str(machine), mounts["data"]: str(machine)}
    for mounted, folder in places.items():
        arguments = [re.sub(rf"^{mounted}/", f"{folder}/", argument) for argument in arguments]
    run(["/srv/kismet/venv/bin/kismet-nb", *arguments], machine)

    assert ["clinic-a"] == synced(machine)
    assert sorted(mounts) == sorted(volume["name"] for volume in pod["volumes"])
    assert ("CronJob", "Forbid", "Never") == (job["kind"], job["spec"]["concurrencyPolicy"], pod["restartPolicy"])


def test_no_command_names_credentials():
    """They are in files; a command may name such a file, but has no value."""
    commands = [line for _, block in BLOCKS for line in block.splitlines()]

    assert sum("--env-file" in line for line in commands) >= 6
    assert [] == [line for line in commands if re.search("KISMET_CLIENT_(ID|SECRET)=", line)]
