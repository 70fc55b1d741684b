"""A question and the context that answers it, as the one text that an example has: the question is its first line."""


def question_input(question: str, context: str) -> tuple[str, int]:
    """Returns the input of a question, and the character at which the context starts in it."""
    line = " ".join(question.split())
    return f"{line}\n{context}", len(line) + 1


def split_input(text: str) -> tuple[str, str]:
    """Returns question and context of an input."""
    question, _, context = text.partition("\n")
    return question, context
