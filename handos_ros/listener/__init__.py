"""`handos_listener`: prints what the node publishes, and draws it."""
