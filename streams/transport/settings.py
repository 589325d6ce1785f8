"""Settings of the worker: infrastructure only. What decides the data comes in ``Config`` records (R13)."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_DELIVERY = 0.8


class WorkerSettings(BaseSettings):
    """Settings of one worker process, from the environment (``BARLINE_WORKER_<NAME>``) or the caller.

    Attributes:
        name: of the installation: consumer group and changelogs are called after it.
        instance: name of this worker for static membership, so that it keeps its partitions over a restart;
            empty for a member like any other.
        session_timeout: seconds after which the group gives up a silent worker.
        step_records: most records of one step; between steps the event loop turns. Slow steps get fewer.
        checkpoint_ms: how often each partition makes its work durable; less often, up to half the session
            timeout, where all checkpoints together take more than a twentieth of the event loop.
        checkpoint_records: records after which it does so earlier, but never before such a rest is over.
        outstanding: records on their way to the brokers above which steps wait.
        fetch_bytes: most bytes of one fetch for one partition.
    """

    model_config = SettingsConfigDict(env_prefix="BARLINE_WORKER_", extra="forbid", frozen=True)

    name: str = "barline"
    instance: str = ""
    session_timeout: Annotated[float, Field(ge=2.0)] = 20.0
    step_records: Annotated[int, Field(ge=1)] = 65_536
    checkpoint_ms: Annotated[int, Field(ge=1)] = 200
    checkpoint_records: Annotated[int, Field(ge=1)] = 500_000
    outstanding: Annotated[int, Field(ge=1)] = 200_000
    fetch_bytes: Annotated[int, Field(ge=65_536)] = 4_194_304

    @property
    def delivery_timeout_ms(self) -> int:
        """A record not acknowledged by then has failed: below the session timeout, see ``watchdog``."""
        return int(self.session_timeout * _DELIVERY * 1_000)

    @property
    def stall_limit(self) -> float:
        """Seconds that the event loop may stand still."""
        return self.session_timeout / 2

    @model_validator(mode="after")
    def _checkpoint_within_session(self) -> "WorkerSettings":
        if self.checkpoint_ms / 1_000 > self.stall_limit:
            raise ValueError(
                f"checkpoint_ms must be below half the session timeout, was {self.checkpoint_ms!r}"
            )
        return self
