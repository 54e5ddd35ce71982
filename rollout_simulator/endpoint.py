"""The embedded AWS over HTTP: what another process sends is answered as a call of this process would be.

A signed request says in its credential scope which service it is for; with that service's own host name it goes to
the same backends, with the same patches, that the functions reach in-process.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from rollout_simulator.clock import SimulatedClock

HOST = "127.0.0.1"
_SCOPE = re.compile(r"[^/\s=]*/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_SET_BY_THE_SERVER = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


class PortUnavailable(Exception):
    """The port cannot be listened on. The message names it and says why."""


class Endpoint:
    """The WSGI application in front of the embedded AWS of one region."""

    def __init__(self, clock: SimulatedClock, region: str) -> None:
        self._clock = clock
        self._region = region

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        signed = request.headers.get("Authorization") or request.args.get("X-Amz-Credential") or ""
        scope = _SCOPE.search(signed)
        if scope is None:
            return _refusal(
                request,
                403,
                "MissingAuthenticationToken",
                "This is an embedded AWS. It answers signed requests, as boto3 and the AWS CLI send them with any "
                f"credentials, in the region {self._region}.",
            )
        region, service = scope["region"], scope["service"]
        if region != self._region:
            return _refusal(
                request,
                403,
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region: this embedded AWS has only {self._region}, "
                f"not {region}. Set AWS_DEFAULT_REGION={self._region}.",
            )
        try:
            with self._clock.entered():
                return self._served(request, service)
        except Exception as error:  # noqa: BLE001 - a server answers whatever happens
            return _refusal(request, 500, "InternalFailure", f"{type(error).__name__}: {error}")

    def _served(self, request: Request, service: str) -> Response:
        """What moto answers to the same request sent to the service's own host."""
        raw = str(request.environ.get("RAW_URI") or request.full_path)
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() != "host":
                headers[name] = value
        url = f"https://{service}.{self._region}.amazonaws.com{raw}"
        answer = botocore_stubber.process_request(
            AWSPreparedRequest(request.method, url, headers, request.get_data(), stream_output=False)
        )
        if answer is None:
            return _refusal(request, 501, "NotImplemented", f"{service} is not part of the embedded AWS")
        status, given, body = answer
        kept = [(name, str(value)) for name, value in given.items() if name.lower() not in _SET_BY_THE_SERVER]
        return Response(body, status, kept)


def _refusal(request: Request, status: int, code: str, message: str) -> Response:
    """An error of the service that was asked, in the form its clients read: XML where they send forms, else JSON."""
    if request.mimetype == "application/x-www-form-urlencoded":
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            "<RequestId>embedded</RequestId></ErrorResponse>"
        )
        return Response(body, status, content_type="text/xml")
    body = json.dumps({"__type": code, "message": message}, ensure_ascii=False) + "\n"
    return Response(body, status, {"x-amzn-ErrorType": code}, content_type="application/json")


def listen(port: int) -> socket.socket:
    """A socket on this machine's own address only; port 0 takes a free one.

    Raises: PortUnavailable.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PortUnavailable(f"port {port}: {why.lower()}; choose another with --port") from error
    return listening


class _Quiet(WSGIRequestHandler):
    """No line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def server_for(endpoint: Endpoint, listening: socket.socket) -> BaseWSGIServer:
    """A server for this endpoint on this socket, a thread for each connection."""
    port = listening.getsockname()[1]
    return make_server(HOST, port, endpoint, threaded=True, request_handler=_Quiet, fd=listening.fileno())
