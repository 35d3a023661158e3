from tests.pages.conftest import stage

__all__ = ["stage"]
