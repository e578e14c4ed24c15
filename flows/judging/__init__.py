"""A run takes one delivery, or a batch of them, from the claim to the verdict."""
