"""The exporter: what the log holds, sent as OpenTelemetry (OTLP) to whatever people already run.

names        every span, metric and log event that is sent, in one closed table
following    a durable consumer a signal: fetch, map, send, acknowledge after the receiver said yes
tracing      work items and runs as traces; each span once, when it ends
telling      alerts and directives as log events
metering     gauges and cumulative counters, asked of the projector every ten seconds
sending      the OTLP client: HTTP or gRPC, which answers are tried again, what is set aside
"""
