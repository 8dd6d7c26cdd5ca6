"""Questions over HTTP, for whoever is no process of this user: Prometheus, notebooks, Grafana, other languages.

    client --token--> guard --> routes --asks--> the projector's socket
                                  `-- live: one tail of the log, for all who listen

A process of its own: it holds no credential of the log and opens no table. What it can do is ask.

guard       who may come in: Host, Origin, tokens
tokens      tokens, of which only the digests are kept
asking      the projector's socket, asked without blocking
questions   from a request to a question, and its answer back
live        the log as server-sent events
metrics     the figures that a scrape asks for
exposition  points in Prometheus' text format
"""
