"""The tokenizer: byte-level BPE with whole numbers, and the chat template that belongs to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sluice.training.language import LARGEST_NUMBER

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, END, SYSTEM, USER, ASSISTANT)
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + (message['content'] | trim) + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
NUMBER_REPEATS = 2000
"""How often each number is shown to the BPE trainer, so that every number up to 999 becomes one token."""


def train(texts: Iterable[str], vocabulary: int) -> Any:
    """Train a `tokenizers.Tokenizer` on texts."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[0-9]{1,3}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_with_numbers(texts), trainer=trainer)
    return tokenizer


def _with_numbers(texts: Iterable[str]) -> Iterator[str]:
    yield from texts
    numbers = "-".join(str(number) for number in range(LARGEST_NUMBER + 1))
    for _ in range(NUMBER_REPEATS):
        yield numbers


def encode(tokenizer: Any, messages: Sequence[dict[str, str]]) -> tuple[list[int], list[bool]]:
    """Token ids of a conversation, and which of them the model has to produce."""
    identity = {name: tokenizer.token_to_id(name) for name in SPECIAL}
    ids: list[int] = []
    produced: list[bool] = []
    for message in messages:
        body = tokenizer.encode(message["content"].strip(), add_special_tokens=False).ids
        ids += [identity[f"<|{message['role']}|>"], *body, identity[END]]
        produced += [False, *[message["role"] == "assistant"] * (len(body) + 1)]
    return ids, produced


def save(tokenizer: Any, folder: Path, context: int) -> None:
    """Write tokenizer.json and tokenizer_config.json, the chat template inside the latter, as servers read it."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "pad_token": PAD,
        "eos_token": END,
        "clean_up_tokenization_spaces": False,
        "padding_side": "left",
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load(folder: Path) -> Any:
    """The `tokenizers.Tokenizer` that `save` wrote."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))
