"""Lines by numpy alone: messages with numbered arrays, and a metric that is told for each half of the data."""
