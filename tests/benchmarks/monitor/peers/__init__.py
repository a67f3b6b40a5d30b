"""One program each: reads two tables, measures drift, prints what it took as one line of JSON."""
