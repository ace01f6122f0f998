"""Tokens in the event loops of asyncio and trio."""

import asyncio
import threading

import pytest
import trio

from conftest import package_variables
from tokensource import ClosedError, OAuthError, source


def trio_run(coroutine):
    return trio.run(lambda: coroutine)


RUNNERS = pytest.mark.parametrize("run", [asyncio.run, trio_run])


@RUNNERS
def test_a_token_is_awaited_without_a_thread(serve, run):
    server = serve({"delay": 0.3})
    source = server.source()
    threads = []

    async def use():
        token = await source.token_async()
        threads.append(threading.active_count())
        assert await source.token_async() is token
        return await source.authorization_async()

    before = threading.active_count()
    assert run(use()) == "Bearer token-1"
    assert threads == [before]


def test_trio_may_run_as_a_guest_of_asyncio(serve):
    source = serve({"delay": 0.2}).source()

    async def host():
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        trio.lowlevel.start_guest_run(
            source.authorization_async,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=lambda outcome: (texts.append(outcome.unwrap()), ended.set()),
        )
        texts.append(await source.authorization_async())
        await ended.wait()

    texts = []
    asyncio.run(host())
    assert texts == ["Bearer token-1"] * 2


def test_the_pauses_between_two_looks_are_1_2_4_and_at_most_50_ms(serve, monkeypatch):
    waiting = serve({"hang": True}).source()
    pauses = []

    async def sleep(pause):
        pauses.append(round(pause * 1000))
        if len(pauses) == 9:
            waiting.close()

    monkeypatch.setattr(source, "_sleep_of_this_loop", lambda: sleep)
    with pytest.raises(ClosedError):
        asyncio.run(waiting.token_async())
    assert pauses == [1, 2, 4, 8, 16, 32, 50, 50, 50]


@RUNNERS
def test_a_failed_fetch_raises_where_the_token_is_awaited(serve, run):
    source = serve({}, {"error": "invalid_client", "delay": 0.1}).source()
    source.invalidate(source.token())
    with pytest.raises(OAuthError) as caught:
        run(source.authorization_async())
    assert "token-1" not in package_variables(caught.value)


def test_a_hundred_tasks_share_one_request_and_do_not_block_the_loop(serve):
    server = serve({"delay": 0.5})
    source = server.source()

    async def use():
        turns = 0
        waiting = asyncio.gather(*(source.authorization_async() for _ in range(100)))
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        return await waiting, turns

    texts, turns = asyncio.run(use())
    assert set(texts) == {"Bearer token-1"}
    # The loop kept running in the meantime.
    assert turns > 5
    assert server.requests == 1


def test_cancelling_a_task_does_not_end_the_fetch(serve):
    server = serve({"delay": 0.5})
    source = server.source()

    async def use():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(source.token_async(), 0.05)
        return await source.authorization_async()

    assert asyncio.run(use()) == "Bearer token-1"
    assert server.requests == 1


def test_close_ends_the_wait_of_every_task(serve):
    source = serve({"hang": True}).source()

    async def use():
        waiting = asyncio.gather(*(source.token_async() for _ in range(5)), return_exceptions=True)
        await asyncio.sleep(0)
        source.close()
        return await waiting

    assert {type(error) for error in asyncio.run(use())} == {ClosedError}
