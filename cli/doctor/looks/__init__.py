"""One module for each place that `aceite doctor` looks at."""
