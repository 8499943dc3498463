"""`loa receive`: a source, the receiver that fits it, and where its results go."""
