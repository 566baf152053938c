"""Alerts sent out: by mail and to a URL, several in one message, and never more than so many an hour."""

from __future__ import annotations

import json
import logging
import smtplib
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

from nuwa.agent.config import processes
from nuwa.agent.config.model import Mail
from nuwa.agent.config.model import Monitor as Settings
from nuwa.agent.schemas import Alert

log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 20
HOUR_S = 3600.0


class Allowance:
    """Lets so many messages through an hour; what it holds back goes with the next one."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def take(self, burst: int) -> bool:
        """Whether a message may go now."""
        now = time.monotonic()
        while self._sent and now - self._sent[0] > HOUR_S:
            self._sent.popleft()
        if len(self._sent) >= burst:
            return False
        self._sent.append(now)
        return True


def send(settings: Settings, alerts: Sequence[Alert], base: str) -> bool:
    """Send the alert to its recipients.

    Args:
        base: the folder that relative paths of the configuration begin at.

    Returns:
        whether anybody was reached, or nobody is to be told.
    """
    ways = []
    if settings.mail:
        ways.append(_mail(settings.mail, alerts, base))
    if settings.webhook:
        ways.append(_post(settings.webhook, alerts))
    return any(ways) or not ways


def compose(alerts: Sequence[Alert], host: str) -> tuple[str, str]:
    """Subject and text of a message."""
    failed = [alert for alert in alerts if alert["state"] != "ok"]
    first = (failed or list(alerts))[0]
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    subject = f"[nuwa] {host}: {first['check']} {first['state']}{more}"
    return subject.replace("\n", " "), "\n".join(_line(alert) for alert in alerts) + "\n"


def _line(alert: Alert) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(alert["time"]))
    todo = (alert["action"], alert["advice"])
    action = "".join(f"\n{' ' * 20} → {text}" for text in todo if text)
    return f"{when}  {alert['state']:<8} {alert['check']}: {alert['message']}{action}"


def _mail(mail: Mail, alerts: Sequence[Alert], base: str) -> bool:
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Subject"], text = compose(alerts, socket.gethostname())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        with _server(mail) as server:
            if mail.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if mail.user:
                path = Path(processes.absolute(mail.password_file, base))
                server.login(mail.user, path.read_text().strip() if mail.password_file else "")
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("alerts could not be mailed over %s:%d: %s", mail.server, mail.port, error)
        return False
    return True


def _server(mail: Mail) -> smtplib.SMTP:
    if mail.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(mail.server, mail.port, timeout=SEND_TIMEOUT_S, context=context)
    return smtplib.SMTP(mail.server, mail.port, timeout=SEND_TIMEOUT_S)


def _post(url: str, alerts: Sequence[Alert]) -> bool:
    subject, text = compose(alerts, socket.gethostname())
    body = json.dumps({"host": socket.gethostname(), "text": f"{subject}\n{text}", "alerts": list(alerts)})
    request = urllib.request.Request(  # noqa: S310 - the configuration takes http and https alone
        url, body.encode(), {"Content-Type": "application/json", "User-Agent": "nuwa"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SEND_TIMEOUT_S):  # noqa: S310
            return True
    except (OSError, ValueError) as error:
        log.warning("alerts could not be posted: %s", error)
        return False
