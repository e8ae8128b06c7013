"""Lanes: calls in order on threads that can be given up."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from concurrent.futures import CancelledError
from typing import Any

import pytest
from foreign_games import Panic

from ludex.agents.pool import EnvTimeout, Lane, Pool


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "ludex-env"}


def ended(before: set[threading.Thread]) -> bool:
    """Whether all other threads have ended, within ten seconds."""
    deadline = time.monotonic() + 10
    while threads() - before and time.monotonic() < deadline:
        time.sleep(0.01)
    return not threads() - before


def test_calls_are_made_in_order_on_one_thread_and_what_they_raise_comes_back():
    lane, made = Lane(20.0), []

    def note(number: int) -> threading.Thread:
        made.append(number)
        if number == 2:
            raise KeyError("two")
        return threading.current_thread()

    calls = [lane.submit(note, number) for number in range(5)]
    homes = {lane.result(calls[number]) for number in (4, 0, 1, 3)}  # asked for in any order
    assert made == [0, 1, 2, 3, 4]
    assert len(homes) == 1
    assert homes != {threading.current_thread()}
    for _ in range(2):  # asked for twice
        with pytest.raises(KeyError, match="two"):
            lane.result(calls[2])
    (home,) = homes
    lane.close()
    assert not home.is_alive()


def test_a_call_that_hangs_is_given_up_and_those_behind_it_are_made():
    before, lane, late = threads(), Lane(0.1), threading.Event()
    stuck = lane.submit(late.wait, 30)
    behind = [lane.submit(lambda x: (x, threading.current_thread()), x) for x in range(3)]
    found = [lane.result(call) for call in behind]
    assert [number for number, _ in found] == [0, 1, 2]
    with pytest.raises(EnvTimeout, match=r"no answer within 0.1 s"):
        lane.result(stuck)
    lane.close()
    assert len(threads() - before) == 1  # it cannot be killed
    late.set()
    assert ended(before)


def test_the_limit_counts_from_the_beginning_of_a_call():
    """Five calls behind each other take longer than the limit, and each of them does not."""
    lane = Lane(1.5)
    calls = [lane.submit(time.sleep, 0.4) for _ in range(5)]
    assert [lane.result(call) for call in reversed(calls)] == [None] * 5
    lane.close()


def throw(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("lane", [(0.0, True), (20.0, True), (0.0, False)], ids=["no limit", "limit", "no thread"])
@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(3), Panic(3), GeneratorExit(3)], ids=repr)
def test_a_call_may_end_neither_the_program_nor_its_thread(lane: tuple[float, bool], error: BaseException):
    lane_ = Lane(*lane)
    with pytest.raises(RuntimeError, match=f"it raised {type(error).__name__}: 3"):
        lane_.result(lane_.submit(throw, error))
    assert lane_.result(lane_.submit(int, "7")) == 7
    lane_.close()


def test_without_a_thread_calls_are_made_at_once():
    pool, made = Pool(0, 0.0), []
    lane = pool.lane()
    call = lane.submit(lambda: made.append(threading.current_thread()))
    assert made == [threading.current_thread()]
    assert lane.result(call) is None
    with pytest.raises(ZeroDivisionError):
        lane.result(lane.submit(lambda: 1 // 0))
    pool.close()


@pytest.mark.parametrize("limit", [0.0, 20.0])
def test_ctrl_c_ends_the_wait_and_nothing_is_lost(limit: float):
    lane, going = Lane(limit), threading.Event()

    def interrupt() -> str:
        time.sleep(0.1)  # the main thread waits
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        going.wait(20)
        return "done"

    call = lane.submit(interrupt)
    with pytest.raises(KeyboardInterrupt):
        lane.result(call)
    going.set()
    assert lane.result(call) == "done"
    lane.close()


@pytest.mark.parametrize("limit", [0.0, 20.0])
def test_an_answer_that_comes_with_ctrl_c_is_not_lost(limit: float):
    """A signal that the call's own thread takes interrupts the main thread when the answer wakes it."""
    lane = Lane(limit)

    def interrupt() -> str:
        time.sleep(0.1)  # the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        return "done"

    call = lane.submit(interrupt)
    with pytest.raises(KeyboardInterrupt):
        lane.result(call)
    assert lane.result(call) == "done"
    lane.close()


def test_ctrl_c_in_a_call_without_a_thread_leaves_nothing_to_wait_for():
    lane = Lane(0.0, threaded=False)
    with pytest.raises(KeyboardInterrupt):
        lane.submit(signal.raise_signal, signal.SIGINT)
    assert lane.result(lane.submit(int, "7")) == 7
    lane.close()


def test_what_is_cancelled_before_it_began_is_never_made_and_what_is_under_way_is_left_alone():
    before, lane, made, began, late = threads(), Lane(0.0), [], threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        late.wait(30)

    done = lane.submit(int, "7")
    stuck, *behind = [lane.submit(hang), lane.submit(made.append, 1), lane.submit(made.append, 2)]
    began.wait(10)
    lane.cancel(time.monotonic())
    assert lane.result(done) == 7
    assert [call.abandoned for call in (done, stuck, *behind)] == [False, True, False, False]
    with pytest.raises(EnvTimeout, match="broken off"):
        lane.result(stuck)
    for call in behind:
        with pytest.raises(CancelledError):
            lane.result(call)
    assert lane.result(lane.submit(made.append, 3)) is None
    lane.close()
    late.set()
    assert ended(before)
    assert made == [3]


def test_a_call_under_way_that_ends_in_time_keeps_its_thread():
    pool, began = Pool(1, 0.0), threading.Event()
    lane = pool.lane()
    home = lane.submit(threading.current_thread)
    call = lane.submit(lambda: (began.set(), time.sleep(0.1)))
    began.wait(10)
    pool.cancel()
    assert not call.abandoned
    assert lane.result(call) == (None, None)
    assert lane.result(lane.submit(threading.current_thread)) is lane.result(home)
    pool.close()


@pytest.mark.parametrize(("workers", "expected"), [(0, 1), (1, 1), (3, 3)])
def test_a_pool_deals_its_lanes_out_in_turn_and_leaves_no_thread(workers: int, expected: int):
    before, pool = threads(), Pool(workers, 20.0)
    lanes = [pool.lane() for _ in range(6)]
    assert len({id(lane) for lane in lanes}) == expected
    assert lanes[:expected] == lanes[expected : 2 * expected] or expected == 1
    homes: list[Any] = [lane.result(lane.submit(threading.current_thread)) for lane in lanes]
    assert len(set(homes)) == expected
    lanes[0].submit(time.sleep, 0.2)  # nobody asks what became of it
    pool.close()
    assert threads() == before


def test_calls_of_different_lanes_are_made_together():
    pool, meeting = Pool(3, 20.0), threading.Barrier(3)
    lanes = [pool.lane() for _ in range(3)]
    calls = [lane.submit(meeting.wait, 10) for lane in lanes]
    assert sorted(lane.result(call) for lane, call in zip(lanes, calls, strict=True)) == [0, 1, 2]
    pool.close()
