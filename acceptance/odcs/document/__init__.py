"""An ODCS document as YAML with lines, checked against the published JSON schema."""
