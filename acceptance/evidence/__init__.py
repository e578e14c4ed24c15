"""The evidence that lets a third person reach the same verdict."""
