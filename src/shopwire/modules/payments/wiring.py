"""What payments tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module

MODULE: Final = Module(name="payments")
