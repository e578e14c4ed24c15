"""A first profile of a sample file, for `aceite contracts init`."""
