"""Announcements and notifications: what Aceite tells Prefect and people, when, and how often."""
