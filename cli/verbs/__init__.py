"""The verbs of the command: one module for each, and the modules that several verbs share."""
