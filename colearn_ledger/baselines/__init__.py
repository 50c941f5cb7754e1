"""What to compare a collective with: each learner alone, and a server that averages what all of them train."""
