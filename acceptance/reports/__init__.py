"""The renderings of evidence: page, JUnit, Markdown. Nothing is computed again, only shown."""
