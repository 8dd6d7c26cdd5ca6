"""The projector: reads the log, folds it into the store, answers questions about it.

    log --pull--> feed (no holes) --> keeper (one writer) --> store --> answers --> socket, NATS
                                        |  swaps in what rebuild made

    keeper      owns the open store: one writing thread, some reading ones, the ladder when it breaks
    aligning    where to read on from, when the log is or is not the one that was folded in
    feed        batches of one stream without holes: what is missing is fetched again, or counted
    following   the loops that keep the store up with the log, and know how far behind it is
    asking      a question in, its answer out; waits for a position when asked to
    rebuild     a new file beside the old one, from the log
    routes, bus the two ways in: the socket and NATS

It answers from the moment its file is open: while the log is away, while it catches up, while the
coordinator is stopped. Every answer says as of when it speaks.
"""
