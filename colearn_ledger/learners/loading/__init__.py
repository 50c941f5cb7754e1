"""Making a learner out of its name and options, in this process or one of its own."""
