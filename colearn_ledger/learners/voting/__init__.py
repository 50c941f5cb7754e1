"""How learners vote: the policies by name, and one of your own."""
