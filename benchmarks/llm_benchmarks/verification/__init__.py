"""The proof of a record: its bytes, its scores, its texts, and the agent that wrote them."""
