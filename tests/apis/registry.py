"""The vendors that the contract is for: one module each, in ``vendors``."""

import importlib
import pkgutil

from tests.apis import vendors

SPECS = [
    importlib.import_module(f"tests.apis.vendors.{module.name}").SPEC
    for module in pkgutil.iter_modules(vendors.__path__)
]
