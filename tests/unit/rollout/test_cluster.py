"""kubectl by subprocess: a program that plays kubectl shows what is asked, retried and told."""

import stat
import sys

import pytest

from sluice.errors import CannotJudge, UsageError
from sluice.rollout import cluster as clusters
from sluice.rollout.cluster import Away, Cluster, Refused
from sluice.rollout.objects import Ref

REF = Ref("apps", "Deployment", "portal", "gateway")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(clusters, "_SHORTEST_WAIT", 0.01)


@pytest.fixture
def playing(tmp_path):
    """Make a kubectl that answers with these (exit code, stdout, stderr), the last one again and again."""

    def make(*answers, **settings):
        (tmp_path / "answers").write_text(repr(list(answers)))
        program = tmp_path / "kubectl"
        program.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            f"here = pathlib.Path({str(tmp_path)!r})\n"
            "log = here / 'calls'\n"
            "count = len(log.read_text().splitlines()) if log.exists() else 0\n"
            "log.open('a').write(' '.join(sys.argv[1:]) + chr(10))\n"
            "answers = eval((here / 'answers').read_text())\n"
            "code, out, err = answers[min(count, len(answers) - 1)]\n"
            "sys.stdout.write(out); sys.stderr.write(err); sys.exit(code)\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return Cluster(str(program), **settings)

    make.calls = lambda: (tmp_path / "calls").read_text().splitlines()
    return make


def test_an_object_is_asked_for_by_its_group_and_where_it_was_named(playing):
    cluster = playing((0, '{"kind": "Deployment"}', ""), kubeconfig="/a/config", context="east")
    assert cluster.get(REF) == {"kind": "Deployment"}
    (call,) = playing.calls()
    assert "--kubeconfig=/a/config --context=east get Deployment.apps gateway --namespace=portal" in call
    assert "--request-timeout=30s" in call


def test_an_absent_object_is_none(playing):
    missing = 'Error from server (NotFound): deployments.apps "gateway" not found'
    assert playing((1, "", missing)).get(REF) is None


AWAY = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"


def test_an_absent_server_is_asked_again_and_that_is_said_once(playing):
    heard = []
    cluster = playing((1, "", AWAY), (1, "", AWAY), (0, '{"kind": "Deployment"}', ""), tell=heard.append)
    assert cluster.get(REF) == {"kind": "Deployment"}
    assert len(playing.calls()) == 3
    assert len(heard) == 1 and "does not answer" in heard[0]


@pytest.mark.parametrize(
    "complaint",
    [
        AWAY,
        "Unable to connect to the server: EOF",
        "Unable to connect to the server: net/http: TLS handshake timeout",
        "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
        "Error from server (Timeout): the server was unable to return a response in the time allotted",
        "Error from server: etcdserver: request timed out",
        "Error from server (TooManyRequests): too many requests",
    ],
)
def test_patience_ends(playing, complaint):
    with pytest.raises(Away, match="the same command goes on"):
        playing((1, "", complaint), patience=0.05).get(REF)


@pytest.mark.parametrize(
    ("complaint", "reason"),
    [
        ('Error from server (Forbidden): leases is forbidden: User "ci" cannot create', "Forbidden"),
        ('The Deployment is invalid (Invalid): spec.replicas: Invalid value: "timed out"', "Invalid"),
        ("Error from server (Conflict): Apply failed with 1 conflict", "Conflict"),
        ("error: Apply failed with 1 conflict: conflict with manager", "Conflict"),
    ],
)
def test_a_no_is_not_asked_again(playing, complaint, reason):
    with pytest.raises(Refused) as caught:
        playing((1, "", complaint), patience=60).apply([{"kind": "ConfigMap"}])
    assert caught.value.reason == reason
    assert len(playing.calls()) == 1


def test_a_kind_that_the_cluster_does_not_know_says_what_to_do(playing):
    complaint = (
        'error: resource mapping not found for name: "tgi" namespace: "portal" from "STDIN": '
        'no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"'
    )
    with pytest.raises(Refused, match=r"does not know ServiceMonitor \(monitoring.coreos.com/v1\): install") as caught:
        playing((1, "", complaint)).apply([{"kind": "ServiceMonitor"}])
    assert caught.value.reason == "UnknownKind"


def test_without_a_program_or_settings_it_says_how_to_get_them(playing):
    with pytest.raises(UsageError, match="install kubectl"):
        Cluster("/nowhere/kubectl").get(REF)
    with pytest.raises(UsageError, match="--kubeconfig FILE"):
        playing((1, "", 'error: context "east" does not exist')).get(REF)
    with pytest.raises(CannotJudge, match="who asks"):
        playing((1, "", "error: You must be logged in to the server (Unauthorized)")).get(REF)


def test_warnings_and_log_lines_are_not_the_message(playing):
    text = "Warning: deprecated\nE0101 00:00:00.0 1 memcache.go] x\nError from server (Forbidden): no\n"
    with pytest.raises(Refused, match=r"refused: Error from server \(Forbidden\): no$"):
        playing((1, "", text)).get(REF)


def test_a_server_that_hangs_counts_as_absent(tmp_path):
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\nexec sleep 5\n")
    program.chmod(0o755)
    with pytest.raises(Away, match="timed out"):
        Cluster(str(program), limit=0.1, patience=0.0).get(REF)


def test_what_is_no_object_is_told(playing):
    with pytest.raises(CannotJudge, match="other than an object"):
        playing((0, "[1]", "")).get(REF)


def test_apply_is_server_side_and_forced_only_where_asked(playing):
    cluster = playing((0, '{"kind": "List", "items": [{"kind": "ConfigMap"}]}', ""))
    assert cluster.apply([{"kind": "ConfigMap"}]) == ({"kind": "ConfigMap"},)
    cluster.apply([{"kind": "ConfigMap"}], force=True, dry_run=True)
    first, second = playing.calls()
    assert "--server-side --field-manager=sluice" in first and "force" not in first and "dry-run" not in first
    assert "--force-conflicts --dry-run=server" in second
