"""Lambda functions run in this process: Invoke imports the handler and calls it.

moto, without Docker, answers Invoke with the event. AWS (documented unless said otherwise):

- The handler `module.function` is looked up in the deployed folder, sees the function's own environment
  and a context, and event and answer cross as JSON.
- An exception is answered as `errorType`, `errorMessage`, `requestId`, `stackTrace`, with `FunctionError`
  `Unhandled`. `Timeout` counts on the simulated clock and ends as `Sandbox.Timedout` (its text is from memory).
- An `Event` invocation is queued. If it fails it is tried twice more, after one and two minutes, then goes to the
  function's on-failure destination and dead-letter queue.

Unlike on AWS all invocations share one process, so modules are shared. A new simulation clears what the functions'
modules keep by `functools.cache`.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from rollout_simulator.clock import SimulatedClock
from rollout_simulator.moto_patches import lambda_output
from rollout_simulator.moto_patches.deliveries import UndeliverableError, as_json, send
from rollout_simulator.moto_patches.invocations import handled_event, invocation
from rollout_simulator.moto_patches.lambda_output import Invocation, Output
from rollout_simulator.moto_patches.patching import replacements

Handler = Callable[[Any, Any], Any]

_FUNCTION = replacements(
    LambdaFunction,
    invoke="answers with the event, without Docker; runs nothing",
    __init__="forgets DeadLetterConfig",
)

SECONDS_BEFORE_RETRIES = (60, 120)
"""How long a failed asynchronous invocation waits before each further attempt."""


class SandboxTimedout(BaseException):
    """The function's time is over. Not an `Exception`: a handler cannot catch its own end."""


class LambdaContext:
    """What a handler is told of its invocation."""

    def __init__(self, function: Any, request_id: str, clock: SimulatedClock) -> None:
        self.function_name: str = function.function_name
        self.function_version = str(function.version)
        self.invoked_function_arn: str = function.function_arn
        self.memory_limit_in_mb = function.memory_size
        self.aws_request_id = request_id
        self.log_group_name: str = function.logs_group_name
        self.log_stream_name = f"[{self.function_version}]{request_id}"
        self.identity = None
        self.client_context = None
        self._clock = clock
        self._end: float = clock.timestamp() + function.timeout

    def get_remaining_time_in_millis(self) -> int:
        return int(max(0.0, self._end - self._clock.timestamp()) * 1000)


@contextmanager
def patched(
    clock: SimulatedClock, functions: Path, handlers: Mapping[str, Handler] | None = None, seed: int = 0
) -> Iterator[Output]:
    """Run the handlers in the folder `functions` for as long as this is open; yields what they print.

    `handlers` gives some handler strings ("orders.handler") another function than the folder's.
    """
    with ExitStack() as stack:
        output = stack.enter_context(lambda_output.captured())
        stack.enter_context(_importable(functions))
        sandboxes = _Sandboxes(clock, output, {} if handlers is None else handlers, random.Random(seed))
        construct = _with_dead_letters(LambdaFunction.__init__)
        stack.enter_context(_FUNCTION(invoke=sandboxes.invoke(), __init__=construct))
        yield output


def _with_dead_letters(init: Any) -> Any:
    """moto forgets a function's DeadLetterConfig."""

    def construct(function: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        init(function, account_id, spec, *args, **kwargs)
        function.dead_letter_config = spec.get("DeadLetterConfig") or {}

    return construct


@contextmanager
def _importable(functions: Path) -> Iterator[None]:
    folder = str(functions)
    added = folder not in sys.path
    if added:
        sys.path.insert(0, folder)
    forget_environments(functions)
    try:
        yield
    finally:
        if added:
            sys.path.remove(folder)


def forget_environments(functions: Path) -> None:
    """From now on each function in this folder begins with nothing kept from its invocations before."""
    for module in list(sys.modules.values()):
        if (getattr(module, "__file__", None) or "").startswith(str(functions) + os.sep):
            for kept in list(vars(module).values()):
                if hasattr(kept, "cache_clear"):
                    kept.cache_clear()


class _Sandboxes:
    def __init__(
        self, clock: SimulatedClock, output: Output, handlers: Mapping[str, Handler], chance: random.Random
    ) -> None:
        self._clock = clock
        self._output = output
        self._handlers = handlers
        self._imported: dict[str, Handler] = {}
        self._chance = chance

    def invoke(self) -> Any:
        def invoke(function: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
            # A service that calls a function through moto's backend gives no headers; services do not wait.
            kind = request_headers.get("x-amz-invocation-type", "RequestResponse") if request_headers else "Event"
            event = json.loads(body) if body else {}
            request_id = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
            response_headers["x-amzn-RequestId"] = request_id
            if kind == "DryRun":
                return b""
            if kind == "Event":
                self._clock.spawn(
                    lambda: self._run_later(function, event, request_id), f"invoke {function.function_name}"
                )
                return b""
            answer, failed = self._run(function, event, request_id)
            if failed:
                response_headers["x-amz-function-error"] = "Unhandled"
            return answer.encode()

        return invoke

    # --- asynchronously ------------------------------------------------------------------------------------

    def _run_later(self, function: Any, event: Any, request_id: str) -> None:
        config: dict[str, Any] = function.event_invoke_config[-1].config if function.event_invoke_config else {}
        retries = int(config.get("MaximumRetryAttempts", len(SECONDS_BEFORE_RETRIES)))
        for attempt in range(retries + 1):
            answer, failed = self._run(function, event, request_id)
            if not failed:
                return
            if attempt < retries:
                self._clock.sleep(SECONDS_BEFORE_RETRIES[attempt])
        self._give_up(function, event, request_id, answer, retries + 1, config)

    def _give_up(
        self, function: Any, event: Any, request_id: str, answer: str, attempts: int, config: dict[str, Any]
    ) -> None:
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination:
            record = {
                "version": "1.0",
                "timestamp": self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                "requestContext": {
                    "requestId": request_id,
                    "functionArn": f"{function.function_arn}:$LATEST",
                    "condition": "RetriesExhausted",
                    "approximateInvokeCount": attempts,
                },
                "requestPayload": event,
                "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
                "responsePayload": json.loads(answer),
            }
            _send_if_there(destination, as_json(record))
        queue = function.dead_letter_config.get("TargetArn")
        if queue:
            error = json.loads(answer)
            attributes = {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": str(error["errorMessage"])}
            _send_if_there(queue, as_json(event), attributes)

    # --- one invocation ------------------------------------------------------------------------------------

    def _run(self, function: Any, event: Any, request_id: str) -> tuple[str, bool]:
        """The answer as JSON, and whether it is an error; kept for the function's metrics."""
        started = self._clock.timestamp()
        handled = handled_event.set(event)
        try:
            answer, failed = self._attempt(function, event, request_id)
        finally:
            handled_event.reset(handled)
        self._output.ended.append(Invocation(function.function_name, started, failed))
        return answer, failed

    def _attempt(self, function: Any, event: Any, request_id: str) -> tuple[str, bool]:
        name: str = function.function_name
        context = LambdaContext(function, request_id, self._clock)
        environment = _Environment(function)
        end = SandboxTimedout(f"RequestId: {request_id} Error: Task timed out after {function.timeout:.2f} seconds")
        caller = invocation.set(name)
        try:
            with (
                self._output.of(name),
                self._clock.while_running(environment.enter, environment.leave),
                self._clock.deadline(function.timeout, lambda: end),
            ):
                return self._called(function.handler, event, context), False
        except SandboxTimedout as error:
            if error is not end:
                raise
            return _failure("Sandbox.Timedout", str(end)), True
        except RuntimeFailure as error:
            return _failure(error.kind, str(error), requestId=request_id, stackTrace=[]), True
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the runtime answers with whatever it is
            kind = "Runtime.ExitError" if isinstance(error, SystemExit) else type(error).__name__
            frames = traceback.extract_tb(error.__traceback__)
            trace = traceback.format_list([frame for frame in frames if frame.filename != __file__])
            return _failure(kind, str(error), requestId=request_id, stackTrace=trace), True
        finally:
            invocation.reset(caller)

    def _called(self, handler: str, event: Any, context: LambdaContext) -> str:
        answer = self._find(handler)(event, context)
        try:
            return json.dumps(answer)
        except (TypeError, ValueError) as error:
            raise RuntimeFailure("Runtime.MarshalError", f"Unable to marshal response: {error}") from error

    def _find(self, handler: str) -> Handler:
        if handler in self._handlers:
            return self._handlers[handler]
        if handler not in self._imported:
            module, _, name = handler.rpartition(".")
            try:
                found = getattr(importlib.import_module(module.replace("/", ".")), name, None)
            except ImportError as error:
                raise RuntimeFailure(
                    "Runtime.ImportModuleError", f"Unable to import module '{module}': {error}"
                ) from error
            if found is None:
                raise RuntimeFailure("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'")
            self._imported[handler] = found
        return self._imported[handler]


class RuntimeFailure(Exception):
    """The runtime itself, not the handler, could not go on."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _failure(kind: str, message: str, **others: Any) -> str:
    return as_json({"errorMessage": message, "errorType": kind, **others})


def _send_if_there(arn: str, body: str, attributes: dict[str, str] | None = None) -> None:
    """What cannot be delivered is dropped, which on AWS only the metric DeadLetterErrors would tell."""
    try:
        send(arn, body, attributes)
    except UndeliverableError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the function's own log


class _Environment:
    """A function's environment variables, in place of the host's own for AWS while it runs."""

    def __init__(self, function: Any) -> None:
        region = function.region
        self._variables: dict[str, str] = {
            **{name: str(value) for name, value in function.environment_vars.items()},
            "_HANDLER": function.handler,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        }
        self._before: dict[str, str | None] = {}

    def enter(self) -> None:
        hidden = {name for name in os.environ if name.startswith("AWS_")} - self._variables.keys()
        self._before = {name: os.environ.get(name) for name in (*self._variables, *hidden)}
        os.environ.update(self._variables)
        for name in hidden:
            del os.environ[name]

    def leave(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
