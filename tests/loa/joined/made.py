"""A report as a good performance gives it."""

from dsp.receive.meters.figure import Figure
from loa.demo.joined.report import HornReport, JoinedReport


def horn(name="ip-1", path="IP", **more):
    said = {
        "says_bulletin": True,
        "late": Figure(0.0, 0.0),
        "loudness_lufs": -16.2,
        "alert_s": 0.03,
        "refused": "bulletin.unknown_signer",
    }
    if path == "FM":
        said |= {"late": Figure(0.001, 0.0002), "alert_s": 1.2}
    return HornReport(name, path, **(said | more))


def report(*changed):
    horns = list(changed) or [horn(), horn("ip-2"), horn("fm", "FM")]
    names = [one.name for one in horns]
    pairs = {(names[0], other): Figure(0.001, 0.0002) for other in names[1:]}
    return JoinedReport(horns, pairs)
