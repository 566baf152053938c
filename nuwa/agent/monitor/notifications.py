"""Alerts sent out by mail and to a URL, several in one message: for the process that child.py starts."""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import time
import urllib.request
from collections.abc import Sequence
from email.message import EmailMessage
from http.client import HTTPException
from pathlib import Path
from typing import Any

from nuwa.agent.config import processes
from nuwa.agent.config.model import Mail
from nuwa.agent.schemas import Alert

SEND_TIMEOUT_S = 20


def deliver(message: dict[str, Any]) -> tuple[bool, list[str]]:
    """Send alerts, in a process of its own.

    Returns:
        whether anybody was reached, and what went wrong.
    """
    alerts: list[Alert] = message["alerts"]
    faults = []
    if "mail" in message:
        faults.append(_mail(Mail(**message["mail"]), alerts, message["base"]))
    if "webhook" in message:
        faults.append(_post(message["webhook"], alerts))
    return "" in faults, [fault for fault in faults if fault]


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


def _mail(mail: Mail, alerts: Sequence[Alert], base: str) -> str:
    """Why it could not be mailed; empty if it was."""
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
    except UnicodeError:  # its text would hold a part of them
        return f"alerts could not be mailed over {mail.server}:{mail.port}: user or password is not ASCII"
    except (OSError, smtplib.SMTPException) as error:
        return f"alerts could not be mailed over {mail.server}:{mail.port}: {error}"
    return ""


def _server(mail: Mail) -> smtplib.SMTP:
    if mail.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(mail.server, mail.port, timeout=SEND_TIMEOUT_S, context=context)
    return smtplib.SMTP(mail.server, mail.port, timeout=SEND_TIMEOUT_S)


def _post(url: str, alerts: Sequence[Alert]) -> str:
    """Why it could not be posted; empty if it was."""
    subject, text = compose(alerts, socket.gethostname())
    body = json.dumps({"host": socket.gethostname(), "text": f"{subject}\n{text}", "alerts": list(alerts)})
    request = urllib.request.Request(  # noqa: S310 - the configuration takes http and https alone
        url, body.encode(), {"Content-Type": "application/json", "User-Agent": "nuwa"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SEND_TIMEOUT_S):  # noqa: S310 - the configuration allows http and https alone
            return ""
    except (OSError, ValueError, HTTPException) as error:
        return f"alerts could not be posted: {error}"
