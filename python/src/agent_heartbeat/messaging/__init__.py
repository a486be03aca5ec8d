"""An agent's messages: those it gets, those it sends, what it asks and what it answers."""
