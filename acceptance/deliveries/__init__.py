"""The objects that landed, and the deliveries that they make."""
