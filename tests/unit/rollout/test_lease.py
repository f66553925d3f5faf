"""The lease: one holder, taken over only from the dead, never held by two."""

import threading
import time

import pytest
from unit.rollout.memory import MemoryCluster, Server

from sluice.errors import CannotJudge
from sluice.rollout.lease import NAME, Lease
from sluice.rollout.objects import Ref

REF = Ref("coordination.k8s.io", "Lease", "portal", NAME)


@pytest.fixture
def server():
    return Server()


def lease(server, **settings):
    return Lease(MemoryCluster(server=server, patience=0.2, **settings), "portal", "release 7", duration=1)


def holder(server):
    return server.objects[REF]["spec"].get("holderIdentity")


def test_it_is_held_renewed_and_left(server):
    with lease(server) as held:
        first = server.objects[REF]["spec"]
        assert first["holderIdentity"] == held.holder
        time.sleep(0.5)
        later = server.objects[REF]["spec"]
        assert later["renewTime"] > first["renewTime"] and later["acquireTime"] == first["acquireTime"]
        held.check()
    assert holder(server) is None
    with lease(server):
        assert server.objects[REF]["spec"]["leaseTransitions"] == 1


def test_a_second_one_is_refused_and_told_who_holds_it(server):
    with lease(server), pytest.raises(CannotJudge, match=r"another rollout is running: .*release 7"):
        lease(server).__enter__()


def test_a_dead_holder_is_replaced_after_the_duration_and_said(server):
    heard = []
    dead = lease(server)
    dead._acquire()
    began = time.monotonic()
    with lease(server, tell=heard.append) as held:
        assert time.monotonic() - began >= 1
        assert holder(server) == held.holder
    assert "taking over" in heard[-1]


def test_of_many_that_see_a_dead_holder_one_takes_over(server):
    lease(server)._acquire()
    won, lost, start = [], [], threading.Barrier(4)

    def take():
        one = lease(server)
        start.wait()
        try:
            one._acquire()
            won.append(one)
        except CannotJudge:
            lost.append(one)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and len(lost) == 3
    assert holder(server) == won[0].holder


def test_who_loses_it_stops(server):
    with lease(server) as held:
        server.objects[REF]["spec"] = {**server.objects[REF]["spec"], "holderIdentity": "other:1:x"}
        time.sleep(0.6)
        with pytest.raises(CannotJudge, match="lost its lease"):
            held.check()
    assert holder(server) == "other:1:x"


def test_a_server_that_is_away_for_a_while_costs_nothing(server):
    with lease(server) as held:
        server.refuse = lambda _words, _data: "connection refused"
        time.sleep(0.7)
        server.refuse = lambda _words, _data: None
        time.sleep(0.5)
        held.check()
