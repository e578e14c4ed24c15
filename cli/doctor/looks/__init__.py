"""The looks of `aceite doctor`: one module for each place that it looks at."""
