"""`loa match` and `loa index`: what was heard, told by references, with a second opinion."""
