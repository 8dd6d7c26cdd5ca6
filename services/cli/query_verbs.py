"""The verb of people's own SQL."""

from typing import Final

from coord.services.cli.verb import AT, Argument, Option, Verb

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
        "One SELECT runs in a process of its own that can read the copy and nothing else, for query_seconds, with "
        "query_memory_mib. What would write, or reach a file, a setting or the network is refused (exit code 4), and "
        "so is what takes too long or too much; 2: it is no SQL, or names what is not there.",
    ),
)
