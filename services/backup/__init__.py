"""Backups: one file that holds a house, and a house made from one.

    container   the file: a tar of parts with a digest of each, written whole or not at all
    framing     how far a snapshot is
    taking      a house into a file, while it runs or while it is down
    restoring   a file into a folder: every position stays, so fences, evidence and spans hold

What is not in it can be built anew: the tables, and what services keep as shortcuts.
"""
