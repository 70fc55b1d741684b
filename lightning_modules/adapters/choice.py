"""The settings of whichever method a recipe names."""

from typing import Annotated

from pydantic import Field

from lightning_modules.adapters.full import FullConfig
from lightning_modules.adapters.lora import LoRAConfig
from lightning_modules.adapters.partial import PartialConfig
from lightning_modules.adapters.prefix import PrefixConfig
from lightning_modules.adapters.prompt import PromptConfig

AdapterConfig = Annotated[
    FullConfig | LoRAConfig | PartialConfig | PrefixConfig | PromptConfig, Field(discriminator="method")
]
