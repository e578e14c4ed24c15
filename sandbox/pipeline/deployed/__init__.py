"""The code of the pipeline's Lambda functions and Glue jobs.

It runs from a zip file in which its modules stand at the top, so they import each other by their bare names.
"""
