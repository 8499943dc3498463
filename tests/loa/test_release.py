from importlib.metadata import version

from loa.release import loa_version


def test_the_version_is_that_of_the_distribution():
    assert loa_version() == version("loa")
