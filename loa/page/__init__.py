"""Pages that Loa writes: self-contained HTML that works offline, at 360 px, in three languages."""
