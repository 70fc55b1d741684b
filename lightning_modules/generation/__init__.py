"""Text from a trunk: search, drawing, and what an answer is held to."""

from lightning_modules.generation.answering import Answer, Judge, answer_all
from lightning_modules.generation.config import DecodingConfig
from lightning_modules.generation.decoding import Written, decode, generate, write_all

__all__ = ["Answer", "DecodingConfig", "Judge", "Written", "answer_all", "decode", "generate", "write_all"]
