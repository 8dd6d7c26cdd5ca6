"""How DuckDB is set wherever coord opens it: nothing is fetched, loaded or taken from Python by itself."""

from typing import Final

THREADS: Final = 2
ROW_GROUP_ROWS: Final = 12_288
"""Rows whose least and largest values the engine knows: a tenth of its own measure, so that little more of a sorted
piece is read than is asked for. It is said whenever a file is attached; without it rows are put together again."""
SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "allow_community_extensions": "false",
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": str(THREADS),
}
"""For `duckdb.connect(config=...)`, before anything else is set or locked."""
