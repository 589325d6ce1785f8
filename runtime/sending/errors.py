"""What can go wrong with records that are sent."""

from schemas.errors import DependencyError


class DeliveryError(DependencyError):
    """A record was refused by the broker or did not reach it in time; nothing after it may be committed."""

    exit_code = 1


class RecordTooLargeError(DeliveryError):
    """A record is larger than ``message.max.bytes``."""
