"""A cell on another machine, as the process of its suite sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llm_benchmarks.run.engines.engine import Death, Event, Events


class RemoteCell:
    """Passes the events of a cell on another machine to the suite.

    Args:
        events: Takes (this object, event).
        cancel: Called with `force` to stop the cell.
    """

    def __init__(self, events: Events, cancel: Callable[[bool], Any]) -> None:
        self._events = events
        self._cancel = cancel
        self._death = Death({"type": "Lost", "message": "nothing is known of its end", "traceback": ""}, True)
        self._has_ended = False

    def receive(self, event: Event) -> None:
        """Passes an event on; "died" is kept for `death`."""
        if event["event"] == "died":
            self._death = Death(event["error"], event["again"])
        elif not self._has_ended:
            self._events.put((self, event))

    def end(self, death: Death | None = None) -> None:
        """Says that no event follows.

        Args:
            death: Why, if the machine could not say so itself.
        """
        self._death = death or self._death
        if not self._has_ended:
            self._has_ended = True
            self._events.put((self, None))

    def interrupt(self) -> None:
        """Asks the machine to stop the cell."""
        self._cancel(False)

    def kill(self) -> None:
        """Stops the cell the hard way, and waits for it no longer."""
        self._cancel(True)
        self.end()

    def death(self) -> Death:
        """Returns why the cell ended without a result."""
        return self._death

    def close(self) -> None:
        """Does nothing: the machine has cleaned up."""
