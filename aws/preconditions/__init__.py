"""Looks at AWS that change nothing: whether what the contracts and settings name is there, and may be used."""
