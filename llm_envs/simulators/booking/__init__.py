"""Booking a table or a room: the venues, the simulated user, the expert, and their sentences."""
