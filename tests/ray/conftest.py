"""One local Ray cluster for all tests of it."""

import importlib.util
import warnings

import pytest


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory):
    """Ray with two slots, connected from here on; its processes end after the last test."""
    if not importlib.util.find_spec("ray"):
        pytest.skip("Ray is not installed")
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        import ray  # noqa: PLC0415 - it may be absent

        from sampledsoftmax.ray import cluster  # noqa: PLC0415

        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100 << 20,
            _node_ip_address=cluster.LOOPBACK,
        )
        yield ray
        ray.shutdown()
