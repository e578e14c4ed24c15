"""Checks the preconditions of an installation for `aceite doctor`, in order, each with a remedy."""
