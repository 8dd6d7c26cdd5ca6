"""What the checks of the deployment share."""

from collections.abc import Mapping

import pytest
from nats_servers import passwords


@pytest.fixture(scope="session")
def known() -> Mapping[str, str]:
    """The passwords that an operator would have made."""
    return passwords()
