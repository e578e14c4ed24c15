"""One module for each verb of the command, and what verbs share."""
