"""The parts that the trainer's tests share: a server with the streams, and one run's log on it."""

import pytest
from conftest import Server
from run_logs import RunLog


@pytest.fixture
def told(server: Server) -> RunLog:
    """The log of the run `r-1`, with the streams declared."""
    return RunLog(server).declare()
