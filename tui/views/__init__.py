"""The eight views: each is pure functions from a scene to lines, and knows no terminal."""

from typing import Final

from coord.tui.scene import View
from coord.tui.views.agents import VIEW as AGENTS
from coord.tui.views.alerts import VIEW as ALERTS
from coord.tui.views.events import VIEW as EVENTS
from coord.tui.views.health import VIEW as HEALTH
from coord.tui.views.nodes import VIEW as NODES
from coord.tui.views.overview import VIEW as OVERVIEW
from coord.tui.views.runs import VIEW as RUNS
from coord.tui.views.work import VIEW as WORK

_ORDER: Final = (OVERVIEW, WORK, AGENTS, RUNS, NODES, ALERTS, EVENTS, HEALTH)
VIEWS: Final[dict[str, View]] = {view.name: view for view in _ORDER}
"""By name, in the order of their numbers."""
