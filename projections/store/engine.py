"""How DuckDB is set wherever coord opens it: nothing is fetched, loaded or taken from Python by itself."""

from typing import Final

THREADS: Final = 2
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
