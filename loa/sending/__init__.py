"""`loa stream` and `loa bulletin`: audio and signed messages to loudspeakers."""
