"""Largest request bodies, in bytes; the servers, and nginx in front of them, refuse larger ones."""

from __future__ import annotations

WEBHOOK_BYTES = 25 * 1024 * 1024
"""A delivery of a forge; GitHub sends no more."""
FORM_BYTES = 4 * 1024 * 1024
"""A form of the dashboard: an edited configuration, whose text grows when it is encoded."""
CONFIG_BYTES = 1024 * 1024
"""A configuration."""
