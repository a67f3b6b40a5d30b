"""Arrays or counts in, values with intervals out; one file a metric. Nothing here knows a model or a database."""

from engine.statistics.registry import Estimate, Metric, all_metrics, get, metric

__all__ = ["Estimate", "Metric", "all_metrics", "get", "metric"]
