"""WHETHER a delivery is accepted: pure values and functions. No clock, disk, network, boto3 or Prefect."""
