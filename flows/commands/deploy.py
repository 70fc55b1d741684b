"""`stagelm deploy`: puts the deployments of prefect.yaml on a Prefect server."""


def deploy() -> None:
    """Create the work pool, the deployments of prefect.yaml and the automation that ends zombie runs. Repeatable."""
    from flows.deployment import deploy_all

    for line in deploy_all():
        print(line)
