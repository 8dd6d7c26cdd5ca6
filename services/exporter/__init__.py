"""The exporter: what the log holds, sent as OpenTelemetry (OTLP) to whatever people already run.

names, node_names, prometheus   every span, metric and log event that is sent, in one closed table
environment                     the standard OTEL_* variables: where to send, and how
consumers, lane                 a durable consumer a signal: fetch, tell, send, acknowledge after the receiver said yes
histories, mapping              the past of what ended, read from the log; from messages to what is told of them
item_spans, run_spans           work items and runs as traces; each span once, when it ends
log_lines                       alerts and directives as log events
asking, points, node_points     metrics: the projector's figures as points, of the whole, of runs, and of each node
budget, turn, metering          how many series, whose turn it is, and every ten seconds
encoding, http_receiver, grpc_receiver, delivering, dead
                                the OTLP client: what each answer means, what is tried again, what is set aside
status, backfill                how it is going; sending the past on demand
"""
