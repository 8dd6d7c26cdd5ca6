"""The dashboard: it asks and subscribes, and opens no database. Not built yet."""
