"""Which objects landed, and which delivery they make."""
