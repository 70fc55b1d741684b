"""Files of the user's own: one to divide, or one for each split."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.document import Split
from data.sources.local import FileHashes
from data.sources.source import SourceError
from data.tasks.base import LabelledSource, Places


class SplitFiles(LabelledSource):
    """Which files hold the examples."""

    path: Path | dict[Split, Path]
    """One file, divided by `split`; or one each for train, validation and test. Without a validation file, validation
    is those groups of the train file that `split` puts there."""

    def content(self, places: Places) -> dict[str, Any]:
        """Returns the sha256 of each file: a moved file stays the same."""
        hashes = FileHashes(places.cache)
        content: dict[str, Any] = {split or "all": hashes.sha256(path) for split, path in self.files(places)}
        hashes.save()
        return content

    def files(self, places: Places) -> Iterator[tuple[Split | None, Path]]:
        """Yields the files in the order of the recipe, with the split that each is of.

        Raises:
            SourceError: one is not there.
        """
        given = [(None, self.path)] if isinstance(self.path, Path) else self.path.items()
        files: dict[Split | None, Path] = {split: places.root / path.expanduser() for split, path in given}
        if missing := [str(path) for path in files.values() if not path.is_file()]:
            raise SourceError(f"data.path: no file {', '.join(missing)}; relative paths start at {places.root}")
        yield from files.items()

    def split_of(self, file_split: Split | None, group: str) -> Split | None:
        """Returns the split of a group that stands in a file of that split; None leaves it to `split`."""
        takes_validation = file_split == "train" and isinstance(self.path, dict) and "validation" not in self.path
        return "validation" if takes_validation and self.split.of(group) == "validation" else file_split
