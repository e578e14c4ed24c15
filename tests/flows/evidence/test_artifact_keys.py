import pytest
from prefect.client.schemas.actions import ArtifactCreate

from flows.evidence.artifacts import artifact_key


def test_each_dataset_has_artifacts_of_its_own_however_alike_the_names_are():
    names = ["x.y", "x-y", "X-Y", "x_y", "X_Y", "x--y", "x-y-", "ação", "ac-a-o"]
    keys = [artifact_key(name) for name in names]
    assert len(set(keys)) == len(names)
    assert artifact_key("sor-imdb-movies") == "sor-imdb-movies"


@pytest.mark.parametrize("name", ["x.y", "X_Y", "ação", "_", "日本"])
def test_prefect_takes_the_key_of_every_dataset(name):
    key = f"{artifact_key(name)}-verdict"
    assert ArtifactCreate(key=key).key == key
