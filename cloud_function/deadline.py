"""The time limit of one invocation, shared by every call that it makes.

Event Grid waits 30 s for an answer, whatever number of calls the function needs for it.
"""

import time
from dataclasses import dataclass

from errors import OutOfTime

# A call that is given less could not even connect.
SHORTEST_CALL_S = 0.05


@dataclass(frozen=True)
class Deadline:
    """A point on the monotonic clock, in seconds."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Start the clock now."""
        return cls(time.monotonic() + seconds)

    def left_s(self) -> float:
        """Seconds that the next call may take. Raises OutOfTime."""
        left_s = self.at_s - time.monotonic()
        if left_s < SHORTEST_CALL_S:
            raise OutOfTime("the time limit of this invocation has passed (EVENT_TIME_LIMIT_S)")
        return left_s
