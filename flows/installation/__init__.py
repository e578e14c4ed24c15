"""What this process was started with: contracts and AWS clients."""
