"""What is kept so that a third person reaches the same verdict."""
