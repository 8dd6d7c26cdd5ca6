"""Every scenario of gherkin/ as a test. The steps stand in steps/, a module a subject."""

from pytest_bdd import scenarios

scenarios("../../gherkin")
