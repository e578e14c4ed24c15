"""The way from findings to a verdict."""
