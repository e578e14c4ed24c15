"""S3: objects, listings, conditional writes, Object Lock and event notifications."""
