"""A cluster that bears another environment's name is refused; one that environments share is not."""

from __future__ import annotations

import pytest
from unit.rollout.memory import MemoryCluster, Server

from sluice.errors import UsageError
from sluice.rollout.belonging import CLUSTER, ENVIRONMENT, refuse_foreign
from sluice.rollout.objects import Ref
from sluice.rollout.release import Release, release

CLUSTERS = {"staging": "blue", "production": "green"}


def namespace(environment: str, cluster: str | None, name: str = "") -> dict:
    annotations = {"annotations": {CLUSTER: cluster}} if cluster else {}
    about = {"name": name or f"sluice-{environment}", "labels": {ENVIRONMENT: environment}, **annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": about}


def made(environment: str = "production", cluster: str | None = "green") -> Release:
    own = namespace(environment, cluster)
    return release(environment, own["metadata"]["name"], 1, "sha256:" + "0" * 64, "c" * 40, [own])


def look(*there: dict, context: str = "somewhere", wish: Release | None = None, clusters=None) -> None:
    server = Server(objects={Ref.of(one): one for one in there})
    refuse_foreign(MemoryCluster(server=server, context=context), wish or made(), clusters or CLUSTERS)


def test_an_empty_cluster_is_anyones():
    look()


def test_its_own_cluster_is_its_own():
    look(namespace("production", "green"), context="production")
    look(namespace("production", "green"), context="green")


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("staging", "'staging', the name of environment staging"),
        ("blue", "the name of the cluster of environment stag"),
    ],
)
def test_a_context_of_another_environment_is_refused(context, said):
    with pytest.raises(UsageError, match=said):
        look(context=context)


def test_a_cluster_where_another_ones_namespace_lies_is_refused_before_ours_is_made():
    with pytest.raises(UsageError) as refused:
        look(namespace("staging", "blue"))
    assert "it is called 'blue' (namespace sluice-staging of environment staging)" in str(refused.value)
    assert "`cluster:` of production is 'green'" in str(refused.value) and "--any-cluster" in str(refused.value)


def test_environments_that_name_one_cluster_share_it():
    shared = {"staging": "blue", "production": "blue"}
    look(namespace("staging", "blue"), context="blue", wish=made(cluster="blue"), clusters=shared)


def test_a_namespace_of_another_environment_is_refused():
    with pytest.raises(UsageError, match="its namespace sluice-production belongs to environment staging"):
        look(namespace("staging", "green", name="sluice-production"))


def test_a_release_that_does_not_say_its_cluster_is_held_to_environments_alone():
    look(namespace("staging", "blue"), wish=made(cluster=None))


def test_who_may_not_list_namespaces_is_held_to_our_own():
    def forbidden(words, _data):
        return "Error from server (Forbidden): no" if words[:2] == ("get", "namespaces") else None

    own = namespace("production", "blue")
    server = Server(objects={Ref.of(own): own}, refuse=forbidden)
    with pytest.raises(UsageError, match="it is called 'blue'"):
        refuse_foreign(MemoryCluster(server=server, context="x"), made(), CLUSTERS)
