"""THE COMMAND `aceite`: one module for each verb. It puts the other packages together."""
