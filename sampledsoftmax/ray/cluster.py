"""The Ray cluster of this process: one that it is connected to, one that runs, or a local one that is ended again."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

# Ray replaces 127.0.0.1 by the address of the network, on Linux; messages on one machine need no network.
LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
_LOCAL_STORE_BYTES = 256 << 20  # of shared memory: messages are in flight for a moment only
_lock = threading.Lock()
_users = {"count": 0, "is_ours": False}

# A local cluster reports nothing to anyone. Its processes have the priority of this one, which waits for them: Ray's
# default is 15 lower. The last one is a warning of Ray about its own future default.
_LOCAL_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def join(address: str | None) -> None:
    """Connect to a cluster, unless this process is connected; start a local one where there is none.

    Raises
    ------
    ConnectionError
        If there is no cluster at `address`.
    """
    with _lock:
        if not ray.is_initialized():
            target = address or os.environ.get("RAY_ADDRESS")
            if target:
                ray.init(address=target, log_to_driver=False)
            else:
                with _environment(_LOCAL_ENVIRONMENT):
                    ray.init(
                        address="local",
                        include_dashboard=False,
                        log_to_driver=False,
                        object_store_memory=_LOCAL_STORE_BYTES,
                        _node_ip_address=LOOPBACK,
                    )
            _users["is_ours"] = True
        _users["count"] += 1


def leave() -> None:
    """Disconnect, if `join` connected and no other layer of this process is connected; a local cluster then ends."""
    with _lock:
        _users["count"] -= 1
        if _users["count"] == 0 and _users["is_ours"]:
            _users["is_ours"] = False
            ray.shutdown()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[Any]:
    """Set environment variables that are not set, and remove them again."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
