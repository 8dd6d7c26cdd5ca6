"""What the log says, as tables: pure folds, the DuckDB store, health, and the typed questions.

folds     events in, changed rows out; pure, and held to three laws by tests over the catalog
intake    stored messages in, facts and dead letters out; pure
views     the views people and questions read, as SQL
store     the one door to DuckDB and Arrow: rows, positions and dead letters in one transaction
snapshots whole copies of the store's file, to go back to
health    (tables, as_of) -> scores from 0 to 100 with named deductions; pure
answers   the typed questions: named SQL in, answer models out
memory    tables in dictionaries: the laws and the folds' own tests run on them
"""
