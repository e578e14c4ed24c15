"""The proof that landed files and table are equal: canonical text, fingerprint, differences, rows of a partition."""
