"""The connection in a process of its own, so that blocked code does not stop the heartbeats."""
