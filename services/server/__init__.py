"""The door to nats-server: the embedded one as a child of this process, and the check of an external one.

    embedded      start, watch and stop the server on a data folder
    binary        where nats-server is
    configuration what the server is told
    credentials   who may do what: a credential per role and per agent, all of them allow-lists
    agents        issue an agent's credential while the server runs
    alone         a server on a store for one piece of work, when no house runs
    external      refuse a server that would lose acknowledged events
    probe         the two short conversations with a server that need no client library
    process       a child that ends with its parent, and what became of an earlier one

Standard library only, and usable from plain functions: the supervisor and `coord register` stay light.
"""

from coord.services.server.embedded import Address, EmbeddedServer

__all__ = ["Address", "EmbeddedServer"]
