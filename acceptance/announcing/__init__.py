"""What Aceite tells Prefect and people, when, and how often."""
