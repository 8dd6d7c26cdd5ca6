"""The board of coord's own parts: the log, the tables, what is exported, and what was started again."""

from typing import Final

from boards.shape import FULL, NONE_WANTED, Board, Panel, Query, Row, counted

_LOG: Final = Row("The log", (
    Panel("Events a second", "Written to each stream. In the terminal: coord doctor", "short",
          (Query("sum by (coord_stream) (deriv(coord_stream_position{@SITE}[5m]))", "{{coord_stream}}"),),
          "lines", 8, 8, 0),
    Panel("Size", "What each stream holds. In the terminal: coord doctor", "bytes",
          (Query("max by (coord_stream) (coord_stream_size_bytes{@SITE})", "{{coord_stream}}"),), "lines", 8, 8, 0),
    Panel("Used of its brake", "EVENTS refuses at 1: raise events_gib_max before. In the terminal: coord doctor",
          "percentunit", (Query("max by (coord_stream) (coord_stream_utilization_ratio{@SITE})", "{{coord_stream}}"),),
          "bars", 8, 8, 0, 1, FULL),
    Panel("Dead letters", "Messages of the log that are no events of coord's. In the terminal: coord doctor", "short",
          (Query("max(coord_stream_dead_letters_total{@SITE})"),), "number", 4, 5, 0, None, NONE_WANTED, decimals=0),
    Panel("Gaps", "Positions that the log has lost: a disk lied, or broke. In the terminal: coord doctor", "short",
          (Query("max(coord_stream_gaps_total{@SITE})"),), "number", 4, 5, 0, None, NONE_WANTED, decimals=0),
    Panel("Oddities", "Events that did not fit what was before them. In the terminal: coord health", "short",
          (Query("max(coord_projector_oddities_total{@SITE})"),), "number", 4, 5, 0, None, NONE_WANTED, decimals=0),
    Panel("Restarts", "Of each service by its supervisor, in the time shown. In the terminal: coord doctor", "short",
          (Query(counted("coord_service_restarts_total", "coord_service", "@SITE"), "{{coord_service}}"),),
          "bars", 12, 5, 0, None, NONE_WANTED, decimals=0),
))  # fmt: skip

_TABLES: Final = Row("The tables", (
    Panel("Behind", "Messages of each stream that are not in the tables yet. In the terminal: coord doctor", "short",
          (Query("max by (coord_stream) (coord_projector_stream_behind{@SITE})", "{{coord_stream}}"),
           Query("max(coord_projector_behind{@SITE})", "events, as answers say")), "lines", 8, 8, 0),
    Panel("Messages a second", "Folded into the tables, beside the events that are written to the log. In the terminal: coord doctor", "short",
          (Query("max by (coord_stream) (coord_projector_stream_rate_per_second{@SITE})", "{{coord_stream}} folded"),
           Query("max(deriv(coord_projector_position{@SITE}[5m]))", "events folded in five minutes"),
           Query('max(deriv(coord_stream_position{@SITE, coord_stream="EVENTS"}[5m]))', "written")), "lines", 8, 8, 0),
    Panel("Silence", "Since the projector last heard the log. In the terminal: coord doctor", "s",
          (Query("max(coord_projector_lag_seconds{@SITE})", "last heard"),), "lines", 4, 8, 0),
    Panel("File", "Size of the projector's file; coord rebuild makes it anew. In the terminal: coord doctor", "bytes",
          (Query("max(coord_projector_size_bytes{@SITE})", "size"),), "lines", 4, 8, 0),
))  # fmt: skip

_EXPORT: Final = Row("What is exported", (
    Panel("Sent a second", "Spans, points and log records that the receiver took. In the terminal: coord doctor", "short",
          (Query("sum by (coord_signal) (rate(coord_exporter_sent_total{@SITE}[$__rate_interval]))", "{{coord_signal}}"),),
          "lines", 8, 8, 0),
    Panel("Not dealt with yet", "Events that wait for the exporter; while the receiver is away they stay in the log. "
          "In the terminal: coord doctor", "short",
          (Query("max by (coord_signal) (coord_exporter_behind{@SITE})", "{{coord_signal}}"),), "lines", 8, 8, 0),
    Panel("Age of the oldest", "Of the events that the exporter has not dealt with. In the terminal: coord doctor", "s",
          (Query("max by (coord_signal) (coord_exporter_lag_seconds{@SITE})", "{{coord_signal}}"),), "lines", 8, 8, 0),
    Panel("Failed requests", "Not answered by the receiver, or asked for again, in the time shown: they are sent again. "
          "In the terminal: coord doctor", "short",
          (Query(counted("coord_exporter_failed_total", "coord_signal, error_type", "@SITE")),),
          "table", 8, 8, decimals=0),
    Panel("Lost to the receiver", "Refused for good and set aside, and points skipped while it was away, in the time shown. "
          "In the terminal: coord doctor", "short",
          (Query(counted("coord_exporter_rejected_total", "coord_signal", "@SITE"), "{{coord_signal}} refused"),
           Query(counted("coord_exporter_skipped_total", "coord_signal", "@SITE"), "{{coord_signal}} skipped")),
          "bars", 8, 8, 0, None, NONE_WANTED, decimals=0),
    Panel("Put right", "Spans that would have ended before they began, and points beyond the limit of series, in the time "
          "shown. In the terminal: coord doctor", "short",
          (Query(counted("coord_exporter_clamped_total", "coord_site", "@SITE"), "clamped spans"),
           Query(counted("coord_exporter_overflowed_total", "coord_metric", "@SITE"),
                 "overflow of {{coord_metric}}")), "bars", 8, 8, 0, decimals=0),
))  # fmt: skip

PLUMBING: Final = Board(
    "coord-plumbing",
    "coord · Plumbing",
    "coord's own parts: the log, the tables, what is exported, and what was started again.",
    ("site",),
    (_LOG, _TABLES, _EXPORT),
)
