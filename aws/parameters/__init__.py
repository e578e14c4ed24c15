"""SSM Parameter Store: read parameters, override them temporarily, and restore them."""
