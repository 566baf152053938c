"""From a forge's delivery to a finished run: authentication, affected services, execution."""
