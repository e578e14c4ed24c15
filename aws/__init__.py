"""HOW we talk to AWS. Functions on a boto3 client, which is their first argument; no Prefect."""
