"""AWS services on moto that do real work: S3 with fast listings, Lambda and Glue with processes that run the code."""
