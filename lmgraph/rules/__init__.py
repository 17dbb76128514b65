"""What one record says: predicates, stages, needles, command lines; data plus pure functions."""
