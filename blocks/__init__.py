"""WITH WHAT: settings become prefect-aws credential and bucket blocks. Only this package builds credentials."""
