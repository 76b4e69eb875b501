"""Outcomes that end an invocation early.

RetryLater              raised out of the function, so that the host runs it again
├── OutOfTime           the time limit of the invocation has passed
└── ServiceUnreachable  no answer of the analysis service
BlobGone                the blob does not exist any more; ends the invocation without a retry
"""


class RetryLater(Exception):
    """The invocation failed in a way that may pass."""


class OutOfTime(RetryLater):
    """The time limit of the invocation has passed."""


class ServiceUnreachable(RetryLater):
    """The analysis service did not answer: no connection, no answer in time, or another server's."""


class BlobGone(Exception):
    """The blob was deleted after its event was raised."""
