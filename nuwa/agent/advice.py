"""What is valid in a configuration, and still not wise: warnings of `nuwa config check` and `apply`."""

from __future__ import annotations

from collections.abc import Iterator

from nuwa.agent.loaded import Loaded

SHORT_TOKEN = 16
"""Characters; GitLab sends the token as it is, so a short one can be guessed."""


def given(loaded: Loaded) -> Iterator[str]:
    """Everything that a person should think over, a sentence each."""
    for name, hook in loaded.config.webhooks.items():
        if len(hook.token) < SHORT_TOKEN:
            yield (
                f"webhooks.{name}.token has {len(hook.token)} characters, which can be guessed: take a "
                "longer one, such as openssl rand -hex 32 prints, here and at the forge"
            )
