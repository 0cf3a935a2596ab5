"""No cancellation is lost while an answer is waited for."""

import asyncio

import pytest

from goldenbatch.core.waiting import answer_of


def run(work):
    return asyncio.run(asyncio.wait_for(work, 5))


@pytest.mark.parametrize("within_s", [None, 3])
def test_a_cancellation_in_the_turn_of_the_answer_ends_who_waits(within_s):
    """The very turn in which `asyncio.wait_for` of Python 3.11 gives the answer instead."""

    async def main():
        answer = asyncio.get_running_loop().create_future()
        n_answers = 0

        async def reads_on():
            nonlocal n_answers
            await answer_of(answer, within_s)
            n_answers += 1

        task = asyncio.ensure_future(reads_on())
        await asyncio.sleep(0)
        answer.set_result("here")
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled(), n_answers

    assert run(main()) == (True, 0)


def test_an_answer_and_a_failure_are_given_on():
    async def fails():
        raise OSError("no route")

    assert run(answer_of(asyncio.sleep(0, 7), 1)) == 7
    with pytest.raises(OSError, match="no route"):
        run(answer_of(fails()))


def test_what_takes_too_long_is_cancelled():
    async def main():
        work = asyncio.ensure_future(asyncio.sleep(60))
        with pytest.raises(TimeoutError, match=r"0\.01 s"):
            await answer_of(work, 0.01)
        await asyncio.wait({work})
        return work.cancelled()

    assert run(main())


def test_who_is_cancelled_cancels_what_it_waits_for():
    async def main():
        work = asyncio.ensure_future(asyncio.sleep(60))
        task = asyncio.ensure_future(answer_of(work))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task, work})
        return task.cancelled(), work.cancelled()

    assert run(main()) == (True, True)
