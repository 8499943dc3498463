"""Control codes around a programme: in their place, whole, and nothing else moved."""

import numpy as np
import pytest

from dsp.coder.rds_blocks import group_bits, parse_group
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler
from transmit.control_codes import ControlCode
from transmit.multiplex_codes import CodedBits, with_codes

CODE = [parse_group("7001 6023 0001 00FF"), parse_group("7001 6023 0002 00FF")]


def scheduler():
    return RdsScheduler(RdsContent(pi=0x7001, ps="TRAVINH"))


def test_without_codes_the_bits_are_the_schedulers():
    rng = np.random.default_rng(1)
    block, twin = CodedBits(scheduler()), scheduler()
    for count in rng.integers(0, 300, 40).tolist():
        np.testing.assert_array_equal(block.next_bits(count), twin.next_bits(count))


@pytest.mark.parametrize("taken", [0, 1, 103, 104, 250])
def test_codes_take_the_next_whole_groups_and_the_rest_keeps_its_place(taken):
    block, twin = CodedBits(scheduler()), scheduler()
    before = block.next_bits(taken)
    block.send(CODE)
    bits = np.concatenate([before, block.next_bits(1_040 - taken)])
    wanted = twin.next_bits(1_040)
    first = -(-taken // 104) * 104
    wanted[first : first + 208] = np.concatenate([group_bits(group) for group in CODE])
    np.testing.assert_array_equal(bits, wanted)
    assert block.waiting == 0


def test_dtmf_is_heard_before_and_after_on_both_sides():
    code = ControlCode("open", dtmf="15#", repeats=2)
    source = [np.full((1_000, 2), 0.01, np.float32)]
    blocks = list(with_codes(source, (48_000, 2), (code,), (code,), None))
    assert len(blocks) == 3
    np.testing.assert_array_equal(blocks[0], blocks[2])
    np.testing.assert_array_equal(blocks[0][:, 0], blocks[0][:, 1])
    audio = code.audio(48_000)
    np.testing.assert_array_equal(blocks[0][: len(audio), 0], audio)
    assert not blocks[0][len(audio) :].any()
    np.testing.assert_array_equal(blocks[1], source[0])


def test_the_audio_waits_until_rds_codes_are_out():
    bits = CodedBits(scheduler())
    code = ControlCode("on", rds=("7001 6023 0001 00FF",), repeats=5)
    stream = with_codes([np.ones((10, 1), np.float32)], (48_000, 1), (code,), (), bits)
    silence = next(stream)
    assert bits.waiting == 5
    assert not silence.any()
    # Meanwhile that many bits go out, with seven taken ahead.
    bits.next_bits(int(len(silence) / 48_000 * 1_187.5))
    assert bits.waiting == 0


def test_six_channels_hear_dtmf_on_left_and_right():
    code = ControlCode("open", dtmf="1")
    block = next(with_codes([], (48_000, 6), (code,), (), None))
    assert block[:, :2].any(axis=0).all()
    assert not block[:, 2:].any()
