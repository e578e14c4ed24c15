"""Messages for people as templates with values, which are rendered in any language of the catalogues."""
