"""IAM policies for access keys: what a request requires, what a policy grants, and the gate that refuses the rest."""
