"""Who this process is: service, instance key, release, labels and memory limit."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Mapping, NamedTuple, Optional

from plimsoll_agent.cgroup import find_cgroup
from plimsoll_agent.proc import start_time
from plimsoll_agent.release import find_release
from plimsoll_agent.settings import Settings, parse_labels
from plimsoll_agent.version import AGENT_NAME

MAX_LABELS = 30
MAX_LABEL_NAME = 64
MAX_LABEL_LENGTH = 200
SYSTEMD_FOLDER = "/run/systemd/system"
_LABEL_VARIABLES = {
    "k8s.namespace": ("POD_NAMESPACE", "K8S_NAMESPACE", "KUBERNETES_NAMESPACE"),
    "k8s.pod": ("POD_NAME", "K8S_POD_NAME"),
    "k8s.node": ("NODE_NAME", "K8S_NODE_NAME"),
    "aws.region": ("AWS_REGION",),
    "systemd.unit": ("PLIMSOLL_SYSTEMD_UNIT",),
}


class Identity(NamedTuple):
    """One process life of a service, as the wire contract names it."""

    service: str
    key: str
    started_at: float
    release: Optional[str]
    language: str
    labels: Mapping[str, str]
    memory_limit_bytes: Optional[int]
    agent: str = AGENT_NAME

    def as_json(self) -> dict[str, Any]:
        """The ``instance`` object of the wire contract."""
        return {
            "service": self.service,
            "key": self.key,
            "started_at": self.started_at,
            "release": self.release,
            "language": self.language,
            "labels": dict(self.labels),
            "memory_limit_bytes": self.memory_limit_bytes,
            "agent": self.agent,
        }


def identify(settings: Settings, *, forked: bool = False) -> Identity:
    """Return this process's identity; ``forked`` children without /proc began just now."""
    began = start_time()
    if began is None:
        began = time.time()
    host = settings.instance or _hostname()
    labels = platform_labels(os.environ, host)
    labels.update(parse_labels(settings.labels))
    labels["pid"] = str(os.getpid())
    if forked:
        labels["parent_pid"] = str(os.getppid())
    group = find_cgroup()
    return Identity(
        service=settings.service,
        key=f"{host}:{os.getpid()}:{int(began)}",
        started_at=round(began, 3),
        release=find_release(settings.release, os.environ),
        language="python",
        labels=_bounded(labels),
        memory_limit_bytes=settings.memory_limit_bytes or (None if group is None else group.limit_bytes()),
    )


def platform_labels(environment: Mapping[str, str], host: str) -> dict[str, str]:
    """Labels of the platform the process runs on: Kubernetes, ECS or systemd."""
    labels = {"host": host, "python": "{}.{}.{}".format(*sys.version_info[:3])}
    for label, variables in _LABEL_VARIABLES.items():
        value = next((environment[name] for name in variables if environment.get(name)), None)
        if value:
            labels[label] = value
    if "KUBERNETES_SERVICE_HOST" in environment:
        labels["platform"] = "kubernetes"
        labels.setdefault("k8s.pod", environment.get("HOSTNAME") or host)
    elif any(name.startswith("ECS_CONTAINER_METADATA_URI") for name in environment):
        labels["platform"] = "ecs"
    elif "INVOCATION_ID" in environment and os.path.isdir(SYSTEMD_FOLDER):
        labels["platform"] = "systemd"
        labels.setdefault("systemd.unit", _systemd_unit() or "")
    return labels


def _systemd_unit() -> Optional[str]:
    """Name of the unit, from the process's control group path."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
            text = file.read(8192)
    except OSError:
        return None
    for line in text.splitlines():
        unit = line.rpartition("/")[2]
        if unit.endswith(".service"):
            return unit
    return None


def _hostname() -> str:
    try:
        return os.uname().nodename or "host"
    except (AttributeError, OSError):
        return os.environ.get("HOSTNAME") or os.environ.get("COMPUTERNAME") or "host"


def _bounded(labels: Mapping[str, str]) -> dict[str, str]:
    kept = [(key, value) for key, value in labels.items() if value][:MAX_LABELS]
    return {key[:MAX_LABEL_NAME]: value[:MAX_LABEL_LENGTH] for key, value in kept}
