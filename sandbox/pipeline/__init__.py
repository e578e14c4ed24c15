"""A pipeline for the contracts: a plan of what it has to do, the resources that it needs, and the code that does it."""
