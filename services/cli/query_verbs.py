"""The verb of people's own SQL."""

from typing import Final

from coord.services.cli.verb import AT, Argument, Option, Verb

EVERY_READING: Final = (
    "FROM readings UNION ALL BY NAME SELECT * EXCLUDE (site, day) FROM readings_archive WHERE recorded_at_ns < "
    "(SELECT coalesce(min(recorded_at_ns), 1::BIGINT << 62) FROM readings)"
)
"""Those of the tables, and older ones of the archive."""

QUERY: Final = (
    Verb(
        "query",
        "What is going on",
        "query:query",
        "Your own SQL, on a copy of the tables.",
        (Argument("sql", "[SQL]", "One SELECT; - reads it from stdin.", required=False),),
        (
            Option("--tables", "", "Run nothing: what tables and views there are, with their columns."),
            Option("--fresh", "", "Take a snapshot first, of all that the log holds by now."),
            AT,
            Option("--csv", "", "Print the rows as CSV, with a line of names."),
            Option("--parquet", "FILE", "Write the rows into this file."),
            Option("--limit", "N", "At most so many rows. [default: 1000; in files and CSV 1000000]"),
        ),
        "It is asked of the newest snapshot, taken every few minutes (snapshot_seconds), and says on stderr which "
        "moment that is; also while no house runs. The SQL is DuckDB's; times are nanoseconds since 1970: "
        "make_timestamp_ns(at_ns).\n"
        "Where archive names a folder, the tables events_archive, readings_archive and rollups_archive are what is in "
        "its files, which outlast the tables. They hold what was archived, also what the tables still have; a "
        f"condition on site or day leaves the files of others unopened. Every reading once: {EVERY_READING}.\n"
        "One SELECT runs in a process of its own that can read the copy, the archive where it is named, and nothing "
        "else, for query_seconds, with query_memory_mib. What would write, or reach a file, a setting or the network "
        "is refused (exit code 4), and so is what takes too long or too much; 2: it is no SQL, or names what is not "
        "there.",
    ),
)
