"""Verification: features run against a real coord, and what they found told as events."""
