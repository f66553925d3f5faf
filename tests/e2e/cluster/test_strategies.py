"""A model release by each strategy, with and without a spare GPU, and pods that never become ready."""

import pytest
from e2e.cluster.portal import Heard

pytestmark = pytest.mark.slow
SHORT = 6.0


class Lowest:
    """Remembers the fewest ready model servers that were ever seen."""

    def __init__(self, here):
        self.here, self.fewest = here, 99

    def __call__(self):
        self.fewest = min(self.fewest, self.here.ready("tgi"))


def image(pods):
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods.values()}


@pytest.mark.parametrize("strategy", ["surge", "in-place", "recreate"])
def test_with_a_spare_gpu_every_strategy_gets_there(site, strategy):
    here = site(2)
    here.roll(here.release(1, strategy=strategy))
    lowest = Lowest(here)
    slow = {"sluice.test/ready-after": "2s"}
    done = here.roll(here.release(2, model="two", strategy=strategy, behave=slow), Heard(look=lowest))
    assert done.healthy, done.failures
    assert image(here.pods("tgi")) == {"two"} and here.ready("tgi") == 1
    assert (lowest.fewest >= 1) is (strategy == "surge")


@pytest.mark.parametrize("strategy", ["in-place", "recreate"])
def test_without_a_spare_gpu_the_old_server_makes_room(site, strategy):
    here = site(1)
    here.roll(here.release(1, strategy=strategy))
    assert here.roll(here.release(2, model="two", strategy=strategy)).healthy
    assert image(here.pods("tgi")) == {"two"}


def test_surge_without_a_spare_gpu_says_so_and_leaves_the_old_server_alone(site):
    here = site(1)
    here.roll(here.release(1))
    before, lowest = here.pods("tgi"), Lowest(here)
    done = here.roll(here.release(2, model="two"), Heard(look=lowest), timeout=SHORT)
    assert not done.healthy and done.turned_back == "release 1"
    (failure,) = done.failures
    assert "Insufficient nvidia.com/gpu" in failure.reason and "not ready in time" in failure.reason
    assert here.pods("tgi").keys() == before.keys() and lowest.fewest == 1


@pytest.mark.parametrize("strategy", ["surge", "in-place", "recreate"])
def test_what_never_gets_ready_is_turned_back_as_its_strategy_allows(site, strategy):
    here = site(2)
    here.roll(here.release(1, strategy=strategy))
    before = here.pods("tgi")
    stuck = here.release(2, model="two", strategy=strategy, behave={"sluice.test/pods": "never-ready"})
    done = here.roll(stuck, timeout=SHORT)
    assert not done.healthy and done.turned_back == "release 1"
    assert done.failures[0].ref.name == "tgi" and "0 of 1 new pods ready" in done.failures[0].reason
    after = here.pods("tgi")
    assert image(after) == {"one"} and here.ready("tgi") == 1
    assert (after.keys() == before.keys()) is (strategy == "surge")
    known = here.ledger()
    assert known.healthy.number == 1 and known.attempt.number == 2 and "not ready in time" in known.attempt.failure
    assert here.roll(here.release(3, model="three", strategy=strategy)).healthy


@pytest.mark.parametrize(
    ("behaviour", "words", "limit"),
    [("crash-loop", "keeps crashing: 4 restarts, last with OOMKilled (exit code 137)", 60.0),
     ("no-image", "has no image: ImagePullBackOff", SHORT)],
)  # fmt: skip
def test_the_reason_is_the_one_that_helps(site, behaviour, words, limit):
    here = site(2)
    here.roll(here.release(1))
    done = here.roll(here.release(2, model="two", behave={"sluice.test/pods": behaviour}), timeout=limit)
    assert not done.healthy and words in done.failures[0].reason
    assert done.seconds < 45, "a crash loop is not waited for"
    assert image(here.pods("tgi")) == {"one"}


def test_a_job_that_fails_stops_before_any_server_is_touched(site):
    here = site(2)
    here.roll(here.release(1))
    before = here.get("deployment", "tgi")["metadata"]["generation"]
    done = here.roll(here.release(2, model="two", job={"sluice.test/pods": "fails"}))
    assert not done.healthy and done.failures[0].ref.kind == "Job"
    assert "the job failed" in done.failures[0].reason
    assert here.get("deployment", "tgi")["metadata"]["generation"] == before
