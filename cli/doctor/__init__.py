"""IS EVERYTHING IN PLACE: what `aceite doctor` looks at, in which order, and with which remedy."""
