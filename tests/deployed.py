"""Reading what stands in deploy/."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).resolve().parent.parent / "deploy"
DASHBOARDS: Final = DEPLOY / "grafana" / "dashboards"
RULES: Final = DEPLOY / "prometheus" / "rules"


def loaded(path: Path) -> dict[str, Any]:
    """Read a file of one YAML document."""
    return dict(yaml.safe_load(path.read_text()))


def documents(path: Path) -> list[dict[str, Any]]:
    """Read a file of several YAML documents."""
    return [dict(one) for one in yaml.safe_load_all(path.read_text()) if one]


def dashboard(name: str) -> dict[str, Any]:
    """Read a committed dashboard."""
    return dict(json.loads((DASHBOARDS / name).read_text()))


def rows_and_panels(name: str) -> Iterator[dict[str, Any]]:
    """Yield rows and panels of a dashboard, those inside collapsed rows too."""
    for panel in dashboard(name)["panels"]:
        yield panel
        yield from panel.get("panels", [])


def panels(name: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard."""
    return [panel for panel in rows_and_panels(name) if panel["type"] != "row"]
