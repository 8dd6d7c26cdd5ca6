"""People's own SQL: `coord query` on a snapshot, in a process of its own that can be killed.

    copies      which snapshot, and a private name for it
    running     starts the process, reads what it says, ends it when it takes too long
    process     the process: bounded by the operating system, gate, sandbox, rows
    log_events  the table `events`, read from the log when a statement names it
    archived    the tables of the archive, views over its files when a statement names them
    read_only   no file can be written, whatever asks for it
    wording     what each table and view is

    coord query --snapshot, linked--> process: open, unlink, gate, lock, run --lines--> table, JSON, CSV
                                                                            `--pipe---> Parquet

Four walls stand one behind the other: the gate takes only a SELECT of known parts (projections/store/gate), the
sandbox has no file, name or setting to hit (projections/store/sandbox), the process may write no file and take
only so much memory and time, and it opens nothing but a name that is removed before the statement is read, and
the archive's files where the statement names one of its tables.
"""
