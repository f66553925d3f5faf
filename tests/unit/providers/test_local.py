"""The local provider on a tiny random Llama: batches answer as single requests do, seeds reproduce, limits hold."""

from dataclasses import replace
from itertools import chain

import pytest

from sluice.errors import CannotJudge
from sluice.providers.base import Failure, Message, Request
from sluice.schema import Parameters

torch = pytest.importorskip("torch", reason="needs torch: ./scripts/setup")
transformers = pytest.importorskip("transformers", reason="needs transformers: ./scripts/setup")

from sluice.providers import local  # noqa: E402 - after the skips
from sluice.providers.local import LocalProvider  # noqa: E402 - after the skips

TEMPLATE = "{% for m in messages %}{{ m['content'] }} {% endfor %}{% if add_generation_prompt %}<a>{% endif %}"
WORDS = [f"w{number}" for number in range(60)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    vocabulary = {word: index for index, word in enumerate(["<pad>", "<end>", "<a>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", unk_token="<unk>", chat_template=TEMPLATE
    )
    fast.save_pretrained(folder)
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def request(text, repeat=0, **parameters):
    parameters.setdefault("max_tokens", 12)
    return Request((Message("user", text),), Parameters(**parameters), None, repeat)


def requests(count, **parameters):
    return [request(" ".join(WORDS[n : n + 1 + n % 9]), **parameters) for n in range(count)]


def answers(provider, batches):
    return [outcome.text for _, outcomes in chain.from_iterable(provider.run(batches)) for outcome in outcomes]


def test_a_batch_answers_as_its_members_alone(directory):
    provider = LocalProvider("tiny", directory, 128)
    asked = requests(24)
    assert answers(provider, [asked]) == answers(provider, [[one] for one in asked])


def test_it_equals_the_librarys_own_generation(directory):
    provider = LocalProvider("tiny", directory, 128)
    asked = requests(8)
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.AutoModelForCausalLM.from_pretrained(directory)
    expected = []
    for one in asked:
        ids = torch.tensor([provider._encode([one])[0]])
        out = model.generate(ids, max_new_tokens=12, do_sample=False, attention_mask=torch.ones_like(ids))
        expected.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip())
    assert answers(provider, [asked]) == expected


def test_sampling_is_seeded_and_independent_of_the_batch(directory):
    provider = LocalProvider("tiny", directory, 128)
    asked = requests(6, temperature=1.0, top_p=0.9, seed=5)
    together = answers(provider, [asked])
    assert together == answers(provider, [[one] for one in reversed(asked)])[::-1]
    assert together != answers(provider, [requests(6, temperature=1.0, top_p=0.9, seed=6)])


def test_repeats_draw_anew(directory):
    provider = LocalProvider("tiny", directory, 128)
    drawn = answers(provider, [[request("w1 w2", repeat=n, temperature=1.5, seed=1) for n in range(6)]])
    assert len(set(drawn)) > 1


def test_lengths_count_the_chat_template(directory):
    assert LocalProvider("tiny", directory, 128).lengths([request("w1 w2 w3")]) == [4]


def test_a_prompt_beyond_the_context_is_a_data_error_and_spares_its_neighbours(directory):
    provider = LocalProvider("tiny", directory, 20)
    [[(_, outcomes)]] = provider.run([[request("w1 " * 15), request("w1")]])
    assert isinstance(outcomes[0], Failure)
    assert outcomes[0].kind == "data"
    assert "context of 20" in outcomes[0].message
    assert outcomes[1].completion_tokens > 0


def test_max_tokens_ends_an_answer(directory):
    provider = LocalProvider("tiny", directory, 128)
    [[(_, [outcome])]] = provider.run([[request("w5", max_tokens=3)]])
    assert outcome.completion_tokens <= 3


def test_a_stop_sequence_is_cut(directory):
    provider = LocalProvider("tiny", directory, 128)
    [whole] = answers(provider, [[request("w5")]])
    stop = whole.split()[2]
    [cut] = answers(provider, [[request("w5", stop=(stop,))]])
    assert cut == whole.split(stop)[0].strip()


def test_a_schema_that_cannot_be_enforced_is_refused(directory):
    provider = LocalProvider("tiny", directory, 128)
    asked = Request((Message("user", "w1"),), Parameters(max_tokens=3), {"type": "object"})
    with pytest.raises(CannotJudge, match="constrained"):
        list(provider.run([[asked]]))


def test_it_says_what_it_is_without_loading(directory):
    identity = LocalProvider("tiny", directory, 128).identity()
    assert identity.engine == "local"
    assert set(identity.facts) == {"torch", "transformers"}


@pytest.mark.parametrize("parameters", [{}, {"temperature": 1.5, "seed": 7}])
def test_log_probabilities_are_the_librarys_own_loss(directory, parameters, monkeypatch):
    provider = LocalProvider("tiny", directory, 128)
    model = transformers.AutoModelForCausalLM.from_pretrained(directory)
    given, run = [], local._Decoding.run
    monkeypatch.setattr(local._Decoding, "run", lambda decoding: given.extend(run(decoding)) or given)
    asked = [replace(one, wants=("logprobs",)) for one in requests(6, **parameters)]
    [[(_, outcomes)]] = provider.run([asked])
    for prompt, answer, outcome in zip(provider._encode(asked), given, outcomes, strict=True):
        assert len(outcome.logprobs) == outcome.completion_tokens == len(answer.tokens) > 0
        labels = torch.tensor([[-100] * len(prompt) + answer.tokens])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([prompt + answer.tokens]), labels=labels).loss
        assert -sum(outcome.logprobs) / len(outcome.logprobs) == pytest.approx(float(loss), abs=1e-5)


def test_log_probabilities_are_given_only_where_they_are_wanted_and_change_no_answer(directory):
    provider = LocalProvider("tiny", directory, 128)
    plain, wanting = request("w5 w6"), replace(request("w5 w6"), wants=("logprobs",))
    [[(_, outcomes)]] = provider.run([[plain, wanting]])
    assert outcomes[0].logprobs is None and outcomes[1].logprobs
    assert outcomes[0].text == outcomes[1].text
    assert plain.digest() != wanting.digest()
