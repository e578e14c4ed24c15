"""Renders evidence: HTML, Markdown, JUnit, OpenLineage."""
