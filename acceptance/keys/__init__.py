"""How a landed key says what it is: key templates, and the placeholders that are filled from what they read."""
