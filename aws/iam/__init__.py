"""IAM: which policy exactly these contracts need. Pure: this room calls nothing."""
