"""Rendering: what a lock says stands in the manifests, and a change touches only the pods that run what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from unit.rollout.released import bundle, copied, lock, model_lock

from sluice.errors import CannotJudge, InvalidFiles
from sluice.release.lock import Lock
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.manifests import ORDER, Manifest, documents, in_order, manifest, write
from sluice.rollout.rendering import render
from sluice.schema import PathSource, Resources

SERVER = "model-llama-3-1-8b"
READER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: reader, labels: {sluice.dev/reads: prompt-bundle}}
spec:
  selector: {matchLabels: {app: reader}}
  template:
    metadata: {labels: {app: reader}}
    spec:
      containers:
        - {name: reader, image: reader, volumeMounts: [{name: prompt-bundle, mountPath: /prompts}]}
"""


def find(manifests: Sequence[Manifest], kind: str, name: str) -> Mapping[str, Any]:
    (one,) = [one.value for one in manifests if one.kind == kind and one.name.startswith(name)]
    return one


def pod(manifests: Sequence[Manifest], name: str = SERVER) -> dict[str, Any]:
    return dict(find(manifests, "Deployment", name)["spec"]["template"])


def with_reader(root: Path) -> Path:
    copied(root)
    overlay = root / "infra/overlays/staging"
    (overlay / "reader.yaml").write_text(READER)
    text = (overlay / "kustomization.yaml").read_text()
    (overlay / "kustomization.yaml").write_text(text.replace("resources:\n", "resources:\n  - reader.yaml\n"))
    return root


@pytest.fixture(scope="module")
def rendered(root: Path, kustomize: Kustomize) -> tuple[Manifest, ...]:
    return render(root, lock(), bundle(), kustomize)


def test_the_lock_is_what_the_server_gets(rendered: tuple[Manifest, ...]):
    deployment = find(rendered, "Deployment", SERVER)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    told = find(rendered, "ConfigMap", container["envFrom"][0]["configMapRef"]["name"])
    directory = "/weights/" + model_lock().weights.removeprefix("sha256:")
    assert container["image"] == model_lock().image
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert container["resources"]["limits"].items() >= {"memory": "24Gi", "nvidia.com/gpu": "1"}.items()
    assert told["immutable"] is True
    assert told["data"] == {
        "MODEL_ID": directory, "MAX_TOTAL_TOKENS": "4096", "DTYPE": "bfloat16", "USAGE_STATS": "off",
        "CUDA_GRAPHS": "0",
    }  # fmt: skip


def test_everything_is_in_the_environments_namespace(rendered: tuple[Manifest, ...]):
    outside = {one.kind for one in rendered if one.namespace is None}
    assert outside == {"Namespace", "PriorityClass"}
    assert {one.namespace for one in rendered} == {None, "sluice-staging"}
    assert find(rendered, "Namespace", "")["metadata"]["name"] == "sluice-staging"


def test_rendering_again_gives_the_same_bytes(root: Path, rendered: tuple[Manifest, ...], kustomize: Kustomize):
    assert [one.text for one in render(root, lock(), bundle(), kustomize)] == [one.text for one in rendered]


def test_the_order_is_that_of_applying(rendered: tuple[Manifest, ...]):
    kinds = [one.kind for one in rendered]
    known = [kind for kind in kinds if kind in ORDER]
    assert known == sorted(known, key=ORDER.index) and kinds[: len(known)] == known
    assert kinds.index("ConfigMap") < kinds.index("Job") < kinds.index("Deployment")


def test_a_prompt_only_release_restarts_what_reads_prompts_and_nothing_else(tmp_path: Path, kustomize: Kustomize):
    root, later = with_reader(tmp_path), bundle(answer=b'{"changed": true}\n')
    before = render(root, lock(), bundle(), kustomize)
    after = render(root, lock(later), later, kustomize)
    assert pod(before) == pod(after)
    assert pod(before, "reader") != pod(after, "reader")
    assert find(before, "Job", "model-weights") == find(after, "Job", "model-weights")
    releases = [
        find(one, "Deployment", SERVER)["metadata"]["annotations"]["sluice.dev/release"] for one in (before, after)
    ]
    assert releases == [lock().digest, lock(later).digest]


def test_a_reader_gets_the_bundle_by_the_digest_of_its_content(tmp_path: Path, kustomize: Kustomize):
    manifests = render(with_reader(tmp_path), lock(), bundle(), kustomize)
    (volume,) = pod(manifests, "reader")["spec"]["volumes"]
    (source,) = volume["projected"]["sources"]
    held = find(manifests, "ConfigMap", source["configMap"]["name"])
    assert {name: text.encode() for name, text in held["data"].items()} == bundle()
    assert held["immutable"] is True
    assert held["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "Disabled"
    assert pod(manifests, "reader")["metadata"]["annotations"]["sluice.dev/bundle"] == lock().bundle


def test_a_large_bundle_is_mounted_from_several_config_maps(tmp_path: Path, kustomize: Kustomize):
    files = bundle(one=b"1" * 700_000, two=b"2" * 700_000)
    manifests = render(with_reader(tmp_path), lock(files), files, kustomize)
    sources = pod(manifests, "reader")["spec"]["volumes"][0]["projected"]["sources"]
    names = [source["configMap"]["name"] for source in sources]
    held = [find(manifests, "ConfigMap", name)["data"] for name in names]
    assert {name: text.encode() for data in held for name, text in data.items()} == files


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        ("surge", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        ("in-place", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        ("recreate", {"type": "Recreate"}),
    ],
)
def test_strategies(root: Path, strategy: str, wanted: dict[str, Any], kustomize: Kustomize):
    manifests = render(root, lock(m=model_lock(strategy=strategy)), bundle(), kustomize)
    assert find(manifests, "Deployment", "model-m")["spec"]["strategy"] == wanted


def test_vllm_is_told_by_a_file(root: Path, kustomize: Kustomize):
    served = model_lock(engine="vllm", arguments={"max_model_len": 4096, "enforce-eager": True})
    manifests = render(root, lock(m=served), bundle(), kustomize)
    data = find(manifests, "ConfigMap", "engine-m")["data"]
    assert yaml.safe_load(data["config.yaml"]) == {
        "model": "/weights/" + served.weights.removeprefix("sha256:"), "served-model-name": "m", "port": 8080,
        "max-model-len": 4096, "enforce-eager": True,
    }  # fmt: skip
    spec = pod(manifests, "model-m")["spec"]
    assert spec["containers"][0]["command"][0] == "vllm"
    mounts = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    (volume,) = [one for one in spec["volumes"] if one.get("configMap", {}).get("name", "").startswith("engine-m-")]
    assert mounts[volume["name"]] == "/etc/engine"


def test_servers_without_gpus_tolerate_nothing(root: Path, kustomize: Kustomize):
    manifests = render(root, lock(m=model_lock(resources=Resources(memory="2Gi"))), bundle(), kustomize)
    assert "tolerations" not in pod(manifests, "model-m")["spec"]


def test_two_models_share_nothing(root: Path, kustomize: Kustomize):
    manifests = render(root, lock(a=model_lock(), b=model_lock(replicas=1)), bundle(), kustomize)
    for name in "ab":
        service = find(manifests, "Service", f"model-{name}")
        labels = pod(manifests, f"model-{name}")["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert service["spec"]["selector"]["sluice.dev/model"] == name
        assert find(manifests, "PersistentVolumeClaim", f"model-weights-{name}")


def test_callers_are_not_taken_for_the_model(rendered: tuple[Manifest, ...]):
    """Kustomize adds labels to every `matchLabels` of a policy, so callers are named by expressions."""
    (rule,) = find(rendered, "NetworkPolicy", SERVER)["spec"]["ingress"]
    assert rule["from"] == [
        {
            "podSelector": {
                "matchExpressions": [{"key": "sluice.dev/calls", "operator": "In", "values": ["model-server"]}]
            }
        }
    ]


def test_a_job_has_another_name_when_it_does_something_else(root: Path, kustomize: Kustomize):
    names = [
        find(render(root, lock(m=one), bundle(), kustomize), "Job", "model-weights-m-")["metadata"]["name"]
        for one in (model_lock(), model_lock(replicas=1), model_lock(weights="sha256:" + "b" * 64))
    ]
    assert names[0] == names[1] != names[2]


def test_weights_of_this_repository_are_named_by_git_and_by_digest(tmp_path: Path, kustomize: Kustomize):
    copied(tmp_path)
    (tmp_path / "models/tiny").mkdir(parents=True)
    (tmp_path / "models/tiny/config.json").write_bytes(b"hello\n")
    sha = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    source = PathSource(path="models/tiny", files={"config.json": f"sha256:{sha}"})
    manifests = render(tmp_path, lock(m=model_lock(source=source)), bundle(), kustomize)
    told = json.loads(find(manifests, "ConfigMap", "weights-m-")["data"]["weights.json"])
    assert told["files"] == {"config.json": {"sha256": sha, "blob": "ce013625030ba8dba906f756967f9e9ca394464a"}}
    (tmp_path / "models/tiny/config.json").write_bytes(b"other\n")
    with pytest.raises(CannotJudge, match=r"models/tiny/config\.json of m is not the file"):
        render(tmp_path, lock(m=model_lock(source=source)), bundle(), kustomize)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({"m": model_lock(engine="local", image=None)}, "runs in no cluster"),
        ({"m": model_lock(image="registry.example/tgi:latest")}, "no image by digest"),
        ({"m": model_lock(arguments={"--model-id": "x"})}, "sets MODEL_ID itself"),
        ({"m": model_lock(arguments={"two words": 1})}, "is no name of an argument"),
        ({"m": model_lock(arguments={"dtype": "x", "--dtype": "y"})}, "stands twice"),
        ({"a.b": model_lock(), "a-b": model_lock()}, "same name"),
        ({"m" * 60: model_lock()}, "too long"),
    ],
)
def test_what_cannot_be_rendered_is_refused_in_words(
    root: Path, models: dict[str, Any], words: str, kustomize: Kustomize
):
    asked = lock().model_copy(update={"models": models})
    with pytest.raises(CannotJudge, match=words):
        render(root, asked, bundle(), kustomize)


@pytest.mark.parametrize("odd", ["\x85", "\x7f", "\x9f", "\ufffe"])
def test_characters_that_kustomize_loses_or_refuses_are_named(root: Path, odd: str, kustomize: Kustomize):
    with pytest.raises(CannotJudge, match=rf"prompt-answer\.json holds U\+{ord(odd):04X}"):
        render(root, lock(), bundle(answer=f'"a{odd}b"'.encode()), kustomize)


def test_other_characters_arrive(tmp_path: Path, kustomize: Kustomize):
    points = [*range(0x20), *range(0x20, 0x7F), *range(0xA0, 0x180), 0x2028, 0x2029, 0xFEFF, 0xE000, 0x1F600, 0x10FFFF]
    files = bundle(answer="".join(f"{chr(point)}.\n" for point in points).encode())
    manifests = render(with_reader(tmp_path), lock(files), files, kustomize)
    assert (
        find(manifests, "ConfigMap", "prompt-bundle")["data"]["prompt-answer.json"].encode()
        == files["prompt-answer.json"]
    )


def test_bytes_that_are_no_text_arrive(tmp_path: Path, kustomize: Kustomize):
    files = bundle(answer=b"\xff\x00\x85")
    held = find(render(with_reader(tmp_path), lock(files), files, kustomize), "ConfigMap", "prompt-bundle")
    assert held["binaryData"] == {"prompt-answer.json": "/wCF"}


def test_an_environment_that_is_missing_or_invalid(root: Path, tmp_path: Path, kustomize: Kustomize):
    with pytest.raises(CannotJudge, match=r"there is no infra/overlays/moon/environment\.yaml"):
        render(root, lock(environment="moon"), bundle(), kustomize)
    file = copied(tmp_path) / "infra/overlays/staging/environment.yaml"
    file.write_text(file.read_text().replace("namespace: sluice-staging", "namespace: Not_a_label"))
    with pytest.raises(InvalidFiles):
        render(tmp_path, lock(), bundle(), kustomize)


def test_the_text_is_the_value(rendered: tuple[Manifest, ...], tmp_path: Path, kustomize: Kustomize):
    """Read back by Kustomize's own YAML reader, which takes other words for numbers than Python's does."""
    names = [f"{at}.yaml" for at in range(len(rendered))]
    for name, one in zip(names, rendered, strict=True):
        (tmp_path / name).write_text(one.text)
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": names}))
    back = in_order(manifest(one) for one in documents(kustomize.build(tmp_path)))
    assert [one.value for one in back] == [one.value for one in rendered]


@pytest.mark.parametrize(
    "text",
    [
        "=",
        "<<",
        "1e3",
        "0x1f",
        "010",
        "12:30:45",
        "2026-11-22",
        "off",
        "~",
        "null",
        "1" * 40,
        "a\u2028b",
        "a\n\n b \n",
    ],
)
def test_texts_survive_kustomize(text: str, tmp_path: Path, kustomize: Kustomize):
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"key": text}}
    (tmp_path / "map.yaml").write_text(write(value))
    (tmp_path / "kustomization.yaml").write_text("resources: [map.yaml]")
    assert documents(kustomize.build(tmp_path)) == (value,)


@given(
    st.text(min_size=1)
    | st.text(alphabet="\n\r\x85\u2028\u2029\ufeff\t :-#a", min_size=1)
    | st.sampled_from(["1e3", "0o17", "0x1f", "off", "y", "1_000", "12:30:45", "2026-11-22", "=", "~"])
)
def test_texts_stay_texts(text: str):
    value = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"key": text}}
    assert documents(write(value)) == (value,)


@pytest.mark.parametrize("word", ["1e3", "12e345", "0x1f", "0o17", "1.5", "-3", "y", "N", "1_000"])
def test_what_any_reader_takes_for_a_number_is_quoted(word: str):
    assert f'"{word}"' in write({"a": word}) or f"'{word}'" in write({"a": word})


def test_a_lock_that_was_read_back_renders_the_same(root: Path, rendered: tuple[Manifest, ...], kustomize: Kustomize):
    back = Lock.model_validate_json(lock().write())
    assert [one.text for one in render(root, back, bundle(), kustomize)] == [one.text for one in rendered]
