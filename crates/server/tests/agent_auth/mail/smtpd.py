"""A mail server for the tests, on a free port of this machine.

Says its port on the first line, and each message it took on a line of its own, as JSON: the envelope, how the connection
stood, the headers and both parts as Python's own parser reads them.

smtpd.py implicit|starttls|none [CERTIFICATE KEY]
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"procura", b"correct horse battery"


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unknown@"):
            return "550 5.1.1 nobody is called " + address
        if address.startswith("busy@"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body(preferencelist=(kind,)).get_content()
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            "authenticated": bool(session.authenticated),
            "headers": [[name, str(value)] for name, value in message.items()],
            "kind": message.get_content_type(),
            "defects": [repr(defect) for defect in message.defects],
            "text": part("plain"),
            "html": part("html"),
        }
        print(json.dumps(taken), flush=True)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == USER and data.password == PASSWORD, handled=False)


async def main(mode, *files):
    context = None
    if mode != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    options = {"hostname": "mail.test", "authenticator": authenticate}
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    else:
        options |= {"auth_require_tls": False, "auth_required": mode == "implicit"}
    make = lambda: SMTP(Handler(), loop=loop, **options)
    loop = asyncio.get_running_loop()
    wrapped = context if mode == "implicit" else None
    listening = await loop.create_server(make, "127.0.0.1", 0, ssl=wrapped)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


logging.disable()
asyncio.run(main(*sys.argv[1:]))
