"""Key templates: how the key of an S3 object tells its dataset, business date and fields."""
