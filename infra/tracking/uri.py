"""Where MLflow mirrors to, and the lines that open its pages there."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

URI_ENV = "MLFLOW_TRACKING_URI"


def default_uri(store_uri: str) -> str:
    """Return where to mirror to: as the environment says, else SQLite in (or for) the store."""
    uri = os.environ.get(URI_ENV)
    if uri:
        return uri
    parts = urlsplit(store_uri)
    if parts.scheme not in ("", "file"):
        return f"sqlite:///{Path('terrasweep-mlflow.db').resolve()}"
    folder = Path(unquote(parts.path)) if parts.scheme else Path(store_uri).expanduser()
    return f"sqlite:///{folder.resolve() / 'mlflow.db'}"


def is_server(uri: str) -> bool:
    """Return whether MLflow's pages are served at a tracking URI already."""
    return urlsplit(uri).scheme in ("http", "https")


def ui_command(uri: str) -> str:
    """Return the line that opens the pages on a tracking URI; a server's is its own address."""
    return uri if is_server(uri) else f"terrasweep ui --tracking {shlex.quote(uri)}"


def server_command(uri: str, *, port: int) -> str:
    """Return the line that serves MLflow's pages on a database."""
    mlflow = "mlflow" if shutil.which("mlflow") else f"{shlex.quote(sys.executable)} -m mlflow"
    # By default it starts four servers, each of which takes seconds and 300 MB.
    return f"{mlflow} ui --workers 1 --backend-store-uri {shlex.quote(uri)} --port {port}"


def artefacts(uri: str) -> str | None:
    """Return a folder beside a SQLite file; MLflow alone would take one in the current folder."""
    if not uri.startswith("sqlite:///"):
        return None
    database = Path(uri.removeprefix("sqlite:///")).resolve()
    return database.with_name(f"{database.stem}-artefacts").as_uri()
