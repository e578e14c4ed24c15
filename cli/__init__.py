"""The command `aceite`: one module for each verb. It puts the other packages together."""
