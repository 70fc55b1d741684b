"""`stagelm gc`: frees the store of what nothing needs."""

from typing import Annotated

import typer


def gc(
    keep: Annotated[int, typer.Option(min=1, help="Runs to keep of each recipe, the latest ones.")] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
) -> None:
    """Remove artifacts that no kept run and no registered model needs, and abandoned work."""
    from flows.collecting import collect
    from flows.plan import project_folder
    from flows.store import Store
    from flows.tracking.registry import registered_fingerprints
    from flows.tracking.settings import load_settings

    project = project_folder()
    store = Store.default(project)
    removed = collect(store, keep, registered_fingerprints(load_settings(project, store.root)), dry_run=dry_run)
    for path, size in removed:
        print(f"{'would remove' if dry_run else 'removed'} {path} ({size / 1e6:.1f} MB)")
    print(f"{sum(size for _, size in removed) / 1e6:.1f} MB in {len(removed)} folders")
