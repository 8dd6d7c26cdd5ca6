"""The views over the tables: what questions and people read instead of the tables' inner division."""

from typing import Final

_PROCESS = (
    '[{"pid":"BIGINT","name":"VARCHAR","cpu_ratio":"DOUBLE",'
    '"memory_bytes":"BIGINT","gpu_memory_bytes":"BIGINT"}]'
)

_ROLLUPS: Final = """
        SELECT node, metric, device, minute_ns, sum(readings)::BIGINT AS readings, sum(total) AS total,
               sum(total_squares) AS total_squares, min(lowest) AS lowest, max(highest) AS highest,
               arg_max(last, last_at_ns) AS last, max(last_at_ns) AS last_at_ns
        FROM (SELECT node, metric, device, minute_ns, readings, total, total_squares, lowest, highest,
                     last, last_at_ns FROM rollup_parts_all
              UNION ALL
              SELECT node, metric, device, minute_ns, readings, total, total_squares, lowest, highest,
                     last, last_at_ns FROM latest)
        GROUP BY node, metric, device, minute_ns"""
"""Of the parts of closed minutes, and of the open ones."""
VIEWS: Final = {
    "rollups": _ROLLUPS,
    "node_processes": f"""
        SELECT node, at_ns, recorded_at_ns, unnest(from_json(processes, '{_PROCESS}'), recursive := true)
        FROM processes""",
    "pace": """
        SELECT second_ns, events, position FROM log_seconds
        UNION ALL SELECT second_ns, events, position FROM log_second""",
    "work_all": "SELECT * FROM work UNION ALL SELECT * FROM work_ended",
    "work_unmet": """
        SELECT d.id, d.needed, a.status
        FROM (SELECT d.id, unnest(d.depends_on) AS needed FROM work_dependencies d
              JOIN work w ON w.id = d.id AND w.status = 'open') d
        LEFT JOIN (SELECT id, status FROM work UNION ALL SELECT id, status FROM work_ended) a ON a.id = d.needed
        WHERE a.status IS DISTINCT FROM 'completed'""",
    "work_keyed_out": """
        SELECT p.id, p.concurrency_key
        FROM (SELECT p.concurrency_key, count(*) AS held FROM work_plans p
              JOIN work w ON w.id = p.id AND w.status = 'claimed'
              WHERE p.concurrency_key IS NOT NULL GROUP BY p.concurrency_key) h
        JOIN work_plans p ON p.concurrency_key = h.concurrency_key AND h.held >= p.concurrency_limit
        JOIN work w ON w.id = p.id AND w.status = 'open'""",
    "work_waits": """
        SELECT id, u.items, u.in_vain, k.concurrency_key
        FROM (SELECT id, list(needed ORDER BY needed) AS items,
                     list(needed ORDER BY needed) FILTER (status IS NULL OR status IN ('failed', 'cancelled')) AS in_vain
              FROM work_unmet GROUP BY id) u
        FULL JOIN work_keyed_out k USING (id)""",
}
"""By name. Part of the store's fingerprint: a changed view means a file built anew."""
