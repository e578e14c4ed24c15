"""The contracts and the AWS clients that this process was started with."""
