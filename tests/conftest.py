"""What every folder of tests shares."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# No test depends on how busy the machine is; speed is what script/bench measures.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what tests/golden expects again, to be reviewed as a diff",
    )
