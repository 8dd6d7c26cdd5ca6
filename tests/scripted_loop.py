"""What the projector and the coordinator say about alerts, directives and runs, for scripted services."""

from typing import Any

from scripted_service import AS_OF, said


def asked(name: str = "d-1", status: str = "issued", **fields: Any) -> dict[str, Any]:
    """Return a directive as answers show it."""
    told = {
        "id": name, "entity_kind": "run", "entity": "r1", "action": "roll_back", "parameters": {"before_step": 900},
        "status": status, "reason": "the canary rose", "age_seconds": 12.0, "live_seconds": 60.0, "position": 52,
    }  # fmt: skip
    return told | fields


def alert(name: str = "a-1", **fields: Any) -> dict[str, Any]:
    """Return an alert as answers show it."""
    told = {
        "id": name, "rule": "loss-spike", "severity": "warning", "status": "active", "entity_kind": "run",
        "entity": "r1", "summary": "the loss rose \x1b[2J", "age_seconds": 90.0, "state_seconds": 90.0,
    }  # fmt: skip
    return told | fields


def alerts(*rows: dict[str, Any], **counts: int) -> bytes:
    """Write the answer about alerts."""
    return said({"as_of": AS_OF, "counts": counts, "rows": rows})


def noticed(status: str = "acknowledged", already: bool = False) -> bytes:
    """Write the reply `done` about an alert."""
    view = alert(status=status)
    return said({"status": "done", "id": "a-1", "position": 7, "already": already, "alert": view})


def issued(status: str = "issued", already: bool = False) -> bytes:
    """Write the reply `done` about a directive."""
    view = {"id": "d-1", "status": status}
    return said({"status": "done", "id": "d-1", "position": 52, "already": already, "directive": view})


def one_run(run_id: str = "r1", **fields: Any) -> dict[str, Any]:
    """Return a run as answers show it."""
    told = {
        "run": run_id, "name": "tiny", "status": "running", "world_size": 1, "starts": 1, "step": 1203,
        "age_seconds": 300.0, "silent_seconds": 0.5, "not_finite": 0, "dropped_points": 0, "out_of_memory": 0,
    }  # fmt: skip
    return told | fields


def runs(*rows: dict[str, Any]) -> bytes:
    """Write the answer about runs."""
    return said({"as_of": AS_OF, "rows": rows})
