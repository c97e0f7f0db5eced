import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A data set of 6 short trials of a neuron with 20 channels, weighted events."""
    from synthetic import write_dataset

    folder = tmp_path_factory.mktemp("small")
    write_dataset(str(folder), 6, channels=20, ms=900, events_per_ms=3, weighted=True)
    return str(folder)
