"""One Kafka node that is broker and controller at once, with settings for a laptop."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.errors import DependencyError

_JVM: Final = ("-Xmx512m", "-XX:+ExitOnOutOfMemoryError")
# Without the optimising compiler a start takes 4 s of processor instead of 7.6, the first two million records
# half of what they take with it (2 shared cores, 64-byte records, idempotent producer). After some minutes a
# request takes half as long with it.
_SHORT: Final = ("-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# The collector that Kafka's own start script chooses: the serial one, which needs less memory, stands still
# for 200 ms every few minutes, and so does every record then.
_LASTING: Final = (
    "-Xms256m",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
)
_LOGGING: Final = tuple(
    f"-Dorg.slf4j.simpleLogger.{name}={value}"
    for name, value in {
        "defaultLogLevel": "warn",
        "log.kafka.server.KafkaRaftServer": "info",
        "showDateTime": "true",
        "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "logFile": "System.out",
    }.items()
)
_CLUSTER_ID: Final = "YmFybGluZS1lbWJlZGRlZA"


def settings(log_dir: Path, port: int, controller_port: int) -> dict[str, str]:
    """Settings of the node.

    Args:
        log_dir: where it keeps its records.
        port: port of its clients, on loopback.
        controller_port: port of the controller, on loopback.
    """
    single = {"replication.factor": "1", "min.isr": "1", "num.partitions": "4"}
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(log_dir),
        "num.partitions": "4",
        "default.replication.factor": "1",
        # Topics are made by `barline topics apply`, never by accident.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        **{f"transaction.state.log.{name}": value for name, value in single.items()},
        **{f"share.coordinator.state.topic.{name}": value for name, value in single.items()},
        # After a kill the node waits until its former self has timed out; the default is 9 s.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        # One worker is the rule here: nobody else is worth waiting for.
        "group.initial.rebalance.delay.ms": "0",
        # The lone controller would tell itself twice a second that it is alive, and force that to the disk:
        # what clients write waits for the disk then, too.
        "metadata.max.idle.interval.ms": "0",
        "replica.high.watermark.checkpoint.interval.ms": "60000",
        # The default of 128 MB for compaction doesn't fit into a small heap.
        "log.cleaner.dedupe.buffer.size": "8388608",
        "message.max.bytes": "16777216",
    }


def prepare(
    java: str, jars: Path, directory: Path, port: int, controller_port: int, *, lasting: bool
) -> list[str]:
    """Write the settings, format the storage when that wasn't done yet, and return the command of the node.

    Args:
        java: executable to run it with.
        jars: directory of Kafka's jars.
        directory: where it keeps everything.
        port: port of its clients, on loopback.
        controller_port: port of the controller, on loopback.
        lasting: it runs for longer than some minutes, and may take a slower start for that.

    Raises:
        DependencyError: the storage can't be formatted; its notes say what Kafka said.
    """
    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / "server.properties"
    properties.write_text(_text(settings(directory / "data", port, controller_port)), encoding="utf-8")
    command = [java, *_JVM, *(_LASTING if lasting else _SHORT), *_LOGGING, "-cp", str(jars / "*")]
    done = directory / "formatted"
    if not done.exists():
        shutil.rmtree(directory / "data", ignore_errors=True)  # what a format that was cut off left behind
        _format([*command, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)])
        done.touch()
    return [*command, "kafka.Kafka", str(properties)]


def _text(values: Mapping[str, str]) -> str:
    """Java properties."""
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _format(argv: list[str]) -> None:
    """Run Kafka's storage tool."""
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode:
        error = DependencyError(f"Kafka's storage must be formatted, was not: exit code {run.returncode}")
        for line in (run.stdout + run.stderr).strip().splitlines()[-5:]:
            error.add_note(f"  {line}")
        raise error
