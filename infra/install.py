"""Where the package was imported from: workers must import the same code as the driver."""

from pathlib import Path

PACKAGE = "terrasweep"
ROOMS = ("sweeps", "pipelines", "dashboards", "models", "samplers", "infra")


def import_root() -> Path:
    """Return the folder that holds `terrasweep/`: what must be on a path to import it.

    The path is never resolved: in a checkout the rooms are links, and a link's target has no
    package around it.
    """
    return Path(__file__).parents[2]


def package_folder() -> Path:
    """Return the folder `terrasweep/` itself."""
    return import_root() / PACKAGE


def checkout_folder() -> Path:
    """Return the repository that the code lies in; for an installed copy, site-packages."""
    return Path(__file__).resolve().parents[1]
