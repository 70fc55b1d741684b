"""A trained tokenizer: text to ids and back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import sentencepiece
from numpy.typing import NDArray
from sentencepiece import sentencepiece_model_pb2

from data.vocabulary import SPACE, SPECIALS, Vocabulary, ids_dtype

if TYPE_CHECKING:  # compiled code is loaded when there is enough text for it to pay
    from data.tokenizer.encoder import Encoder

MODEL_FILE = "tokenizer.model"
_PAYS_AFTER_BYTES = 64_000_000
"""So much text sentencepiece encodes in a few seconds; compiling what is faster may take longer."""

Texts: TypeAlias = "Sequence[str] | pa.StringArray | pa.LargeStringArray"


class Tokenizer:
    """Text to ids and back."""

    def __init__(self, model: bytes) -> None:
        """Opens the content of `tokenizer.model`."""
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.sha256 = hashlib.sha256(model).hexdigest()
        self.pieces: list[str] = [self._processor.id_to_piece(index) for index in range(self._processor.vocab_size())]
        self.vocabulary = Vocabulary.from_pieces(self.pieces)
        first_byte = self.pieces.index("<0x00>")
        self.first_learned = first_byte + 256
        """Id of the first piece that was learned: before it are specials, user symbols and bytes."""
        self.user_symbols = {self.pieces[index]: index for index in range(SPECIALS.count, first_byte)}
        """Strings that are one piece wherever they stand -> their ids."""
        # Pieces write a space with this character, so the character itself goes in bytes.
        self._fixed = {SPACE: [first_byte + byte for byte in SPACE.encode()]}
        self._fixed |= {symbol: [index] for symbol, index in self.user_symbols.items()}
        self._encoded_bytes = 0
        self._cuts = re.compile("|".join(map(re.escape, sorted(self._fixed, key=len, reverse=True))))

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Opens a `tokenizer` artifact."""
        return cls((folder / MODEL_FILE).read_bytes())

    @property
    def vocab_size(self) -> int:
        """Pieces in all."""
        return len(self.pieces)

    @cached_property
    def lossless(self) -> bool:
        """Whether texts are encoded as they are, with no width, case or space changed before."""
        probe = " \uff21  a "
        return bool(self._processor.normalize(probe).replace(SPACE, " ") == probe)

    def scores(self) -> list[float]:
        """Returns the score of each piece: its log-probability (unigram), or minus its place in the merges (bpe)."""
        return [self._processor.get_score(index) for index in range(self.vocab_size)]

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the text alone, without bos or eos."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str], threads: int = 1) -> list[list[int]]:
        """Encodes many texts; the number of threads changes the speed only."""
        return [ids.tolist() for ids in self._encode(texts, threads)]

    def encode_arrays(self, texts: Texts, threads: int = 1) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        """Encodes many texts into one array; who does it, and on how many threads, changes the speed only.

        Returns:
            The ids of all texts, uint16 where the vocabulary allows it and else uint32, and offsets (N + 1,): text n
            is ids[offsets[n]:offsets[n + 1]].
        """
        if self.lossless and self._encoded_bytes >= _PAYS_AFTER_BYTES:
            return self.compiled.encode(texts, threads)
        encoded = self._encode(texts if isinstance(texts, Sequence) else texts.to_pylist(), threads)
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(ids) for ids in encoded], out=offsets[1:])
        self._encoded_bytes += sum(map(len, texts)) if isinstance(texts, Sequence) else texts.nbytes
        return np.concatenate([*encoded, np.empty(0, np.int32)]).astype(ids_dtype(self.vocab_size)), offsets

    def _encode(self, texts: Sequence[str], threads: int) -> list[NDArray[np.int32]]:
        """What every other way of encoding has to equal: sentencepiece on whatever lies between fixed strings."""
        encoded: list[NDArray[np.int32]] = self._processor.encode(list(texts), out_type="numpy", num_threads=threads)
        for index, text in enumerate(texts):
            if self._cuts.search(text):
                encoded[index] = np.array(self._around_fixed(text), dtype=np.int32)
        return encoded

    def _around_fixed(self, text: str) -> list[int]:
        ids: list[int] = []
        start = 0
        for found in self._cuts.finditer(text):
            ids += self._processor.encode(text[start : found.start()]) + self._fixed[found[0]]
            start = found.end()
        return ids + list(self._processor.encode(text[start:]))

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Returns what `encode` does, and of each id the characters [start, end) of the text that it stands for.

        A space is the first character of the piece that it is written with. The bytes of a character, and the pieces
        that normalisation makes of one, stand for that character each.
        """
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        start = 0
        for found in [*self._cuts.finditer(text), None]:
            part = text[start : len(text) if found is None else found.start()]
            characters = _characters_of_bytes(part)
            for piece in self._processor.encode(part, return_type="proto").pieces:
                first, behind = characters[piece.begin], characters[max(piece.begin, piece.end - 1)] + 1
                ids.append(piece.id)
                spans.append((start + first, start + behind))
            if found is not None:
                fixed = self._fixed[found[0]]
                ids += fixed
                spans += [found.span()] * len(fixed)
                start = found.end()
        return ids, spans

    @cached_property
    def compiled(self) -> Encoder:
        """The encoder for much text, of tokenizers that are lossless."""
        from data.tokenizer.encoder import Encoder

        proto = sentencepiece_model_pb2.ModelProto.FromString(self.model)  # type: ignore[attr-defined]  # made when imported
        trained = proto.trainer_spec
        return Encoder(
            {self.pieces[index].replace(SPACE, " "): index for index in range(self.first_learned, self.vocab_size)},
            np.array(self.scores(), dtype=np.float32),
            self._fixed,
            first_byte=self.first_learned - 256,
            merges=trained.model_type == trained.BPE,
        )

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text; specials give none, and bytes that are no character give U+FFFD."""
        text: str = self._processor.decode([int(token_id) for token_id in ids])
        return text


def _characters_of_bytes(text: str) -> list[int]:
    """Returns the character that each UTF-8 byte belongs to."""
    return [place for place, character in enumerate(text) for _ in character.encode()]
