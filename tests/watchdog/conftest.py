"""A house of its own for each test that asks for one."""

from houses import house

__all__ = ["house"]
