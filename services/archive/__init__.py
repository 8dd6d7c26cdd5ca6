"""The archive: EVENTS and readings as Parquet, partitioned by site and day, an independent copy.

    main        the service, at low priority
    exporting   messages into files: whole or not there, once each, over every kill
    place       the folder: whose log it is of, and up to where
    reading     its rows in the order of their positions
    verifying   the folder compared with the log, message by message
    status      how it is going, for people

    readings_export, readings_place, readings_verify, readings_load   the same of readings, and back into the tables

It is an export, never the truth: it can be thrown away and is then written anew from the log's first position.
"""
