"""Who answers, all the way: a server that becomes another one stops the run, and none of its answers counts."""

import threading

import pytest
from servers.builders import hub_model, outcomes, provider_for, request, until
from servers.sockets import PlainServer, chat, http, models
from servers.tgi_contract import Settings

from sluice.errors import CannotJudge
from sluice.providers.base import Completion
from sluice.providers.retry import Timeouts
from sluice.providers.served import ServerChanged

VLLM = hub_model(engine="vllm")


def gather(provider, cases=400):
    """Ask many questions; return the texts that came out, and what ended the run."""
    texts = []
    try:
        for answered in provider.run([[request(f"case {index}")] for index in range(cases)]):
            texts += [outcome.text for _, batch in answered for outcome in batch if isinstance(outcome, Completion)]
    except CannotJudge as error:
        return texts, error
    return texts, None


def slowly(server, seconds=0.005):
    server.settings.latency = seconds
    return server


@pytest.mark.parametrize(
    ("becomes", "said"),
    [
        ({"model_id": "other/model"}, "other/model"),
        ({"version": "3.3.6"}, "3.3.6-sha-24c1b2f"),
        ({"docker_label": "sha-0000000"}, "3.3.7-sha-0000000"),
    ],
)
def test_an_answer_that_names_another_model_or_build_is_not_counted(tgi, becomes, said):
    server = slowly(tgi(answer=lambda generation: f"of {server.settings.model_id} {server.settings.fingerprint}"))
    first = f"of {server.settings.model_id} {server.settings.fingerprint}"

    def change():
        until(lambda: len(server.generations) > 40)
        for name, value in becomes.items():
            setattr(server.settings, name, value)

    with provider_for(server, concurrency=8) as provider:
        changing = threading.Thread(target=change)
        changing.start()
        texts, error = gather(provider)
        changing.join()
    assert isinstance(error, ServerChanged) and not error.doubted
    assert said in str(error) or "was" in str(error)
    assert texts and set(texts) == {first}


def restarted(server, begins):
    """Replace a server by another one at its port, once it has answered some."""
    until(lambda: len(server.bodies) > 40)
    server.stop()
    begins.__enter__()


def at(port, routes):
    """A server that will listen at a port that is still taken."""

    class Later:
        def __enter__(self):
            self.server = PlainServer(routes, port).__enter__()
            return self.server

    return Later()


def test_a_server_that_restarts_with_another_model_is_noticed_though_its_answers_name_none():
    with PlainServer({"/v1/models": models(), "/v1/chat/completions": chat("first")}) as server:
        second = at(server.port, {"/v1/models": models("other/model"), "/v1/chat/completions": chat("second")})
        with provider_for(server.url, VLLM, concurrency=4) as provider:
            thread = threading.Thread(target=restarted, args=(server, second))
            thread.start()
            texts, error = gather(provider, 4000)
            thread.join()
        second.server.stop()
    assert isinstance(error, ServerChanged) and "other/model" in str(error)
    assert second.server.bodies, "it did answer"
    assert texts and set(texts) == {"first"}


@pytest.mark.fault("the server restarts as it was", "retried")
def test_a_server_that_restarts_as_it_was_loses_nothing():
    routes = {"/v1/models": models(), "/v1/chat/completions": chat()}
    with PlainServer(routes) as server:
        second = at(server.port, routes)
        with provider_for(server.url, VLLM, concurrency=4) as provider:
            thread = threading.Thread(target=restarted, args=(server, second))
            thread.start()
            texts, error = gather(provider, 1000)
            thread.join()
        second.server.stop()
    assert error is None
    assert sorted(texts) == sorted(f"case {index}" for index in range(1000))


def test_a_model_that_is_exchanged_behind_open_connections_is_noticed_at_the_end_and_all_is_in_doubt():
    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": chat()}) as server,
        provider_for(server.url, VLLM, concurrency=1) as provider,
    ):
        run = provider.run([[request(f"case {index}")] for index in range(20)])
        next(run)
        server.routes["/v1/models"] = models(root="other/model")
        with pytest.raises(ServerChanged, match="other/model") as error:
            list(run)
    assert error.value.doubted


def test_answers_that_name_one_model_and_then_another():
    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": chat(model="one")}) as server,
        provider_for(server.url, VLLM, concurrency=1) as provider,
    ):
        run = provider.run([[request(f"case {index}")] for index in range(2000)])
        next(run)
        server.routes["/v1/chat/completions"] = chat(model="two")
        with pytest.raises(ServerChanged, match="'two', not 'one'"):
            list(run)


def test_what_a_server_measures_when_it_starts_is_no_change(tgi):
    server = tgi()
    server.settings.info = lambda: {**Settings().info(), "max_batch_total_tokens": len(server.calls)}
    with provider_for(server) as provider:
        assert gather(provider, 3)[1] is None


def test_one_odd_answer_about_itself_is_asked_again():
    asked = []

    def moody(_):
        asked.append(1)
        return models("x" if len(asked) == 2 else "acme/contract-1b")(_)

    with (
        PlainServer({"/v1/models": moody, "/v1/chat/completions": chat()}) as server,
        provider_for(server.url, VLLM) as provider,
    ):
        assert gather(provider, 3)[1] is None
    assert len(asked) == 4


def test_a_server_that_no_longer_says_what_it_is_ends_the_run():
    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": chat()}) as server,
        provider_for(server.url, VLLM) as provider,
    ):
        provider.identity()
        server.routes["/v1/models"] = lambda _: http(b"<html>", content_type="text/html")
        assert "nobody can say what answers" in str(gather(provider, 3)[1])


@pytest.mark.fault("a copy of an answer comes while nobody asks", "the copy answers nothing")
def test_an_answer_that_comes_twice_answers_one_question_only():
    """The copy comes when nobody asks: the connection is dropped, or the next question would get it."""

    def twice(body):
        whole = chat()(body)
        return [whole, 0.02, whole]

    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": twice}) as server,
        provider_for(server.url, VLLM, concurrency=1) as provider,
    ):
        texts = []
        for index in range(20):
            texts += [outcome.text for outcome in outcomes(provider, request(f"case {index}"))]
            threading.Event().wait(0.05)
    assert texts == [f"case {index}" for index in range(20)]


@pytest.mark.fault("an answer comes after its attempt was given up", "retried; the late one answers nothing")
def test_an_answer_that_comes_after_its_time_is_dropped():
    slow = {"first": True}

    def late(body):
        whole = chat()(body)
        wait, slow["first"] = slow["first"], False
        return [0.5, whole] if wait else whole

    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": late}) as server,
        provider_for(server.url, VLLM, concurrency=1, timeouts=Timeouts(attempt=0.2)) as provider,
    ):
        texts, error = gather(provider, 200)
    assert error is None
    assert texts == [f"case {index}" for index in range(200)]
    assert len(server.bodies) == 201
