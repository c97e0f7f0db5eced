import os
import signal

import pytest

ALL_REQUIRED = os.environ.get("UNDERSTUDY_REQUIRE") == "all"
if ALL_REQUIRED:
    import torch
else:
    torch = pytest.importorskip("torch")
torch.set_num_threads(1)

# A shell has its background jobs ignore SIGINT; then Python and its children do, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session):
    """With UNDERSTUDY_REQUIRE=all a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if ALL_REQUIRED and reporter.stats.get("skipped"):
        reporter.write_line("\nUNDERSTUDY_REQUIRE=all, but tests were skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A data set of 6 short trials of a neuron with 20 channels, weighted events."""
    from synthetic import write_dataset

    folder = tmp_path_factory.mktemp("small")
    write_dataset(str(folder), 6, channels=20, ms=900, events_per_ms=3, weighted=True)
    return str(folder)
