"""Shows deliveries to people: a line for each, why one is not judged, and the story of one object."""
