"""`coord bench`: what coord costs and does here, beside its peers and ceilings in the same run.

Machines are noisy: every figure is a median of rounds, and what counts is the ratio to the peer or the
ceiling that was measured between the same rounds.
"""
