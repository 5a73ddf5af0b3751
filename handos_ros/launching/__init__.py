"""For the launch files: what was typed becomes parameters, topics and a configuration of RViz."""
