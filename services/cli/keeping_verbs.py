"""The verbs that keep a house and its history: backup, restore, archive."""

from typing import Final

from coord.services.cli.verb import Argument, Option, Verb

KEEPING: Final = (
    Verb(
        "backup",
        "The house",
        "keeping:backup",
        "Write the log and the settings into one file.",
        (Argument("file", "FILE", "Made anew; nothing that is there is replaced."),),
        (Option("--events-only", "", "Leave out the readings of machines."),),
        "While the house runs, or while it is down: what is written meanwhile is in the next backup. The file is a tar "
        "with a digest for each part in it, and appears whole or not at all. It holds the house's credentials: keep it "
        "from others. The tables are not in it; they are built anew from the log.",
    ),
    Verb(
        "restore",
        "The house",
        "keeping:restore",
        "Make a house of a backup, in an empty folder.",
        (Argument("file", "FILE", "What coord backup wrote."),),
        (),
        "Into the folder that --data names, which must be empty or not there. Every position stays what it was: fences, "
        "answers, evidence and spans hold. A file that is damaged is refused, and nothing is made of it.",
    ),
    Verb(
        "archive",
        "The house",
        "archiving:archive",
        "How the export to Parquet goes; or compare it.",
        (Argument("action", "[WHAT]", "status or verify. [default: status]", required=False),),
        (),
        "Where archive names a folder when coord up starts, every event is written there within archive_seconds, in "
        "files by site and day that any DuckDB or Spark reads: FOLDER/events/site=SITE/day=DAY/*.parquet. "
        "Readings and their closed minutes are in FOLDER/readings and FOLDER/rollups, within 60 times archive_seconds, taken "
        "from the projector's snapshots. coord query reads all of it, as the tables events_archive, readings_archive and "
        "rollups_archive. "
        "verify compares them with the log, message by message. Exit code 7: something is missing or altered.",
    ),
)
