"""What the house tells of itself while it runs: log lines, figures for Prometheus, traces. Rooms tell, nobody listens.

context   what the work in hand is about: the instance, its element, the handler
logs      the same in every log line, as text or as JSON, without secrets
metrics   counters and durations of this process, and who may read them
tracing   spans of OpenTelemetry, whose context travels with a job
"""
