"""Without the shared material this folder is not collected: nothing is skipped, nothing is empty.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository.
"""

import os
from pathlib import Path

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("LOA_SHARED_DATA", BESIDE))
collect_ignore_glob = [] if DATA.is_dir() else ["test_*.py"]
