"""The words of coord: every event, command, reply and question that crosses the bus.

Pure: no clock, id, randomness or I/O. What each module owns:

    errors      the error tree and its exit codes
    tokens      the one rule for names, and the grammar of subjects
    streams     which streams exist and how they are kept
    envelope    CloudEvents attributes over NATS headers; `Recorded`, an event with its place in the log
    body        strict JSON: what the border refuses before a model sees it
    work, agent, node, run, alert, directive, verification, samples     the facts
    commands, questions     what may be asked, and the shapes of the answers
    catalog     every type by name, with its versions; upcasters for old ones; examples of each
"""
