"""`loa multiplex` and `loa simulate`: what a transmitter, or a whole band, puts on the air."""
