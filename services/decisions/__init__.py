"""Decisions: pure functions of (state, command) that return the events to append, or a refusal.

One module an aggregate, always in this order: state, fold, decisions. An empty list means "already so".
Time never enters: what the timekeeper saw comes as a command of its own.
"""
