"""What was freed goes back to the system, and what is in cycles is found."""

import subprocess
import sys
import threading
import weakref

from loa.service.memory import Tidying

# Threads that fill and free their heaps, as those of a worker do; prints what stays, in MB.
FREED = """
import ctypes, threading
from loa.service.memory import give_back, keep_heaps_small

def own_mb():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:")) / 1024

keep_heaps_small()
before = own_mb()
met = threading.Barrier(8)

def fill():
    held = [bytearray(64_000) for _ in range(128)]
    met.wait()
    kept = held[::16]  # here and there something lasts
    del held
    met.wait()
    lasting.append(kept)

lasting = []
threads = [threading.Thread(target=fill) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
give_back()
print(own_mb() - before)
"""


def test_heaps_of_threads_are_given_back():
    """64 MB were in use, 4 MB still are; beside them stays less than 8 MB."""
    found = subprocess.run(
        [sys.executable, "-c", FREED], capture_output=True, text=True, check=True
    )
    assert 3.0 < float(found.stdout) < 12.0


def test_what_fell_into_a_cycle_is_looked_for():
    gone = threading.Event()

    class Knot:
        pass

    knot = Knot()
    knot.itself = knot
    weakref.finalize(knot, gone.set)
    del knot
    tidying = Tidying(every_s=0.001)
    tidying.start()
    assert gone.wait(60.0)
    tidying.stop()


COMPILED = """
import sys
print("begun", flush=True)
sys.modules["numba"] = sys  # as if a kernel had been compiled
from loa.service.worker_process import begin_again_without_compiler
begin_again_without_compiler()
print("at work")
"""


def test_a_nursery_that_compiled_begins_again_once():
    command = [sys.executable, "-c", COMPILED]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.split("\n")[:3] == ["begun", "begun", "at work"]


RENDERED = """
import sys
from pathlib import Path
from dsp.kernel import warm_up
from loa.service.blobs import open_blobs
from loa.service.part import Part
from loa.service.render import Bench, Order, load_kernels

load_kernels()
known = warm_up()
store = open_blobs(f"file://{sys.argv[1]}/blobs", Path(sys.argv[1]))
part = Part(store.parts)
part.write(Path(sys.argv[2]).read_bytes())
store.keep(part.path, part.sha256)
bench = Bench(store, 1, 60.0)
for target in ("ip", "web", "fm"):
    list(bench.render([Order(part.sha256, "", target, 60.0)], lambda stage: None))
bench.close()
print(known, warm_up())
"""


def test_what_the_nursery_loads_is_all_that_a_rendition_needs(tmp_path, bulletin):
    """Else every worker would compile the rest for itself, and keep the compiler: 30 MB."""
    file = tmp_path / "a.wav"
    file.write_bytes(bulletin)
    command = [sys.executable, "-c", RENDERED, str(tmp_path), str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    known, needed = found.stdout.split()
    assert known == needed


def test_kernels_from_the_cache_need_no_compiler():
    """Else every nursery would begin again."""
    script = "from loa.service.render import load_kernels; load_kernels(); import sys; {}"
    for then in ("", "assert 'numba' not in sys.modules"):
        subprocess.run([sys.executable, "-c", script.format(then)], check=True)


NAMES = """
import ctypes, importlib, secrets
from pathlib import Path
from loa.service import memory, worker_process
from loa.service.render import load_kernels

class Info(ctypes.Structure):
    _fields_ = [(f"_{number}", ctypes.c_size_t) for number in range(10)]

def mapped_bytes():
    return mallinfo2()._4  # hblkhd: the table is one such block

mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Info
memory.keep_heaps_small()
for library in worker_process._LIBRARIES:
    importlib.import_module(library)
load_kernels()
memory.settle_names()
settled = most = mapped_bytes()
for _ in range(300):
    for _ in range(1_000):
        Path(secrets.token_hex(12))
    most = max(most, mapped_bytes())
print(settled, most)
"""


def test_the_table_of_names_grows_no_more():
    """`pathlib` puts every file's name there: 10 000 jobs of a worker are 300 000 names."""
    found = subprocess.run(
        [sys.executable, "-c", NAMES], capture_output=True, text=True, check=True
    )
    settled, most = map(int, found.stdout.split())
    assert settled > 1_000_000
    assert most <= settled
