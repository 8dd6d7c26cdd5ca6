"""The projector: reads the log, folds it into the store, answers questions about it.

    log --pull--> feed (no holes) --> keeper (one writer) --> store --> answers --> socket, NATS
                                        |  swaps in what rebuild made

    keeper      owns the open store: a thread that folds, one that seals, some that read, the ladder when it breaks
    folding     what is done with it: batches folded in, old rows sealed, those not kept dropped
    aligning    where to read on from, when the log is or is not the one that was folded in
    feed        batches of one stream without holes: what is missing is fetched again, or counted
    following   the loops that keep the store up with the log, and know how far behind it is; paces: how quick
    asking      a question in, its answer out; waits for a position when asked to
    logbook     what is answered from the log itself: history, events; searching goes through it backwards
    scoring     the system's score once a minute
    snapshots   copies of the file, to go back to; giving: one for whoever asks, also of the past
    rebuild     a new file beside the old one, from the log
    routes, bus the two ways in: the socket and NATS

    question of the past --> moments (which position) --> past --frames--> a process: scratch tables --> answer

    past, past_process      the two sides: who waits for what, and who folds; started on demand, ended when idle
    past_tables, scratch    a file at a past position, and copies to go back to

It answers from the moment its file is open: while the log is away, while it catches up, while the
coordinator is stopped. Every answer says as of when it speaks.
"""
