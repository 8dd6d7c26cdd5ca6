"""Every scenario of gherkin/ as a test. The steps stand in steps/, a module a subject."""

import pytest
from pytest_bdd import scenarios

pytestmark = pytest.mark.timeout(300)

scenarios("../../gherkin")
