"""A house of its own for each test."""

from houses import house

__all__ = ["house"]
