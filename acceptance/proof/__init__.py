"""What makes two sides equal: canonical text, fingerprint, differences, and whose rows a partition holds."""
