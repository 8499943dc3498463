"""What goes out: mastering chains, encoders, and later playout and the FM multiplex."""
