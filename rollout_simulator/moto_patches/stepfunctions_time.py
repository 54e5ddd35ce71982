"""moto's state machine interpreter on the simulated clock.

moto gives each execution three kinds of threads and waits in real time. Here an execution is one task on the clock and
the work of a Task state another. AWS (documented):

- `TimeoutSeconds` of a Task ends the state; the Lambda function it called runs on, and its answer is dropped. The
  same holds for StopExecution.
- `TimeoutSeconds` of a state machine ends the execution as TIMED_OUT.
- `HeartbeatSeconds` ends a Task with `States.HeartbeatTimeout` when no heartbeat came for so long.
- A retrier waits `IntervalSeconds · BackoffRate^n`, at most `MaxDelaySeconds`; with FULL jitter evenly between 0 and
  that.

An execution that was stopped or ran out of time ends wherever it waits. The first of such ends stays its status.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from moto.stepfunctions.parser.api import (
    ExecutionStartedEventDetails,
    HistoryEventExecutionDataDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import inline_iteration_component, job
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branch_worker, branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackEndpoint,
    HeartbeatEndpoint,
    HeartbeatTimedOut,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from rollout_simulator.clock import SimulatedClock, WakeUp
from rollout_simulator.moto_patches.invocations import STATE_MACHINE, invocation
from rollout_simulator.moto_patches.patching import replacements

_WORKER = replacements(
    ExecutionWorker,
    start="runs an execution in a thread of its own",
    _execution_logic="is where the thread of an execution begins, or a synchronous one",
)
_PROGRAM = replacements(Program, eval="times an execution out in real time")
_ENVIRONMENT = replacements(
    Environment,
    __init__="signals the end of an execution by a real event",
    set_error="overwrites an earlier end: a stopped execution is called FAILED",
    set_timed_out="overwrites an earlier end",
)
_STATE = replacements(ExecutionState, _evaluate_with_timeout="times a state out in real time")
_CALLBACK = replacements(StateTaskServiceCallback, _eval_wait_for_task_token="waits for a token in real time")
_ENDPOINT = replacements(CallbackEndpoint, __init__="signals a token's answer by a real event")
_HEARTBEATS = replacements(HeartbeatEndpoint, __init__="signals a heartbeat by a real event")
_WAIT = replacements(WaitFunction, _wait_interval="waits in real time")
_REAL_TIME = [
    replacements(retrier_decl, time="sleeps in real time before a retry"),
    replacements(state_task_service_callback, time="sleeps in real time between looks at a .sync task"),
]
_JITTER = replacements(jitter_strategy_decl, random="draws jitter without a seed")
_THREADS = [
    replacements(module, threading="runs branches and iterations in threads of their own")
    for module in (branch_worker, branches_decl, inline_iteration_component, job)
]


class ExecutionInterrupted(BaseException):
    """The execution ended while this part of it waited. Not an `Exception`: no state may catch it."""


_environment: ContextVar[Any] = ContextVar("environment", default=None)


def present_environment() -> Any:
    """moto's environment of the execution, branch or state that runs now; None outside of executions."""
    return _environment.get()


@contextmanager
def patched(clock: SimulatedClock, seed: int = 0) -> Iterator[None]:
    """Let moto's executions run on `clock` for as long as this is open; `seed` is that of their jitter."""
    interpreter = _Interpreter(clock)
    with ExitStack() as stack:
        for patch in (
            _WORKER(start=interpreter.start, _execution_logic=interpreter.run_to_its_end),
            _PROGRAM(eval=interpreter.evaluate_program),
            _ENVIRONMENT(
                __init__=interpreter.with_signal(Environment.__init__, "program_state_event"),
                set_error=_unless_ended(Environment.set_error),
                set_timed_out=_unless_ended(Environment.set_timed_out),
            ),
            _STATE(_evaluate_with_timeout=interpreter.evaluate_state),
            _CALLBACK(_eval_wait_for_task_token=interpreter.wait_for_token),
            _ENDPOINT(__init__=interpreter.with_signal(CallbackEndpoint.__init__, "_notify_event")),
            _HEARTBEATS(__init__=interpreter.with_signal(HeartbeatEndpoint.__init__, "_next_heartbeat_event")),
            _WAIT(_wait_interval=interpreter.wait_interval),
            *(each(time=_Pauses(interpreter)) for each in _REAL_TIME),
            _JITTER(random=random.Random(seed)),
            *(each(threading=_Branches(clock)) for each in _THREADS),
        ):
            stack.enter_context(patch)
        yield


def _unless_ended(set_end: Any) -> Any:
    """moto lets a later end overwrite an earlier one, so a stopped execution would be called FAILED."""

    def first_end_stands(env: Any, *args: Any, **kwargs: Any) -> None:
        if env._program_state is None or isinstance(env._program_state, ProgramRunning):
            set_end(env, *args, **kwargs)

    return first_end_stands


class _Interpreter:
    """What replaces moto's threads and waits. The methods given to moto's classes take those as first argument."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock

    # --- executions ----------------------------------------------------------------------------------------

    @property
    def start(self) -> Any:
        def start(worker: Any) -> None:
            self._prepare(worker)
            name = worker._evaluation_details.execution_details.name
            self.clock.spawn(lambda: self._finish(worker), f"execution {name}")

        return start

    @property
    def run_to_its_end(self) -> Any:
        def run(worker: Any) -> None:
            self._prepare(worker)
            self._finish(worker)

        return run

    def _prepare(self, worker: Any) -> None:
        """What moto does in the execution's own thread, where a call may find that there is no environment yet."""
        details = worker._evaluation_details
        env = worker.env = worker._get_evaluation_environment()
        env.event_manager.environment = env
        worker.program = worker._get_evaluation_entrypoint()
        env.next_state_name = worker.program.start_at.start_at_name
        started = ExecutionStartedEventDetails(
            input=to_json_str(details.execution_details.inpt),
            inputDetails=HistoryEventExecutionDataDetails(truncated=False),
            roleArn=details.aws_execution_details.role_arn,
        )
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.ExecutionStarted,
            event_details={"executionStartedEventDetails": started},
            update_source_event_id=False,
        )

    def _finish(self, worker: Any) -> None:
        _environment.set(worker.env)
        invocation.set(STATE_MACHINE)
        worker.program.eval(worker.env)
        worker._execution_communication.terminated()

    @property
    def evaluate_program(self) -> Any:
        def evaluate(program: Any, env: Any) -> None:
            if env._program_state is None or isinstance(env._program_state, ProgramRunning):
                env.next_state_name = program.start_at.start_at_name
            limit = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
            timer = self.clock.call_later(limit, env.set_timed_out) if limit is not None else None
            try:
                EvalComponent.eval(program, env)
            except ExecutionInterrupted:
                program._eval_body(env)
            finally:
                if timer is not None:
                    timer.cancel()

        return evaluate

    # --- states --------------------------------------------------------------------------------------------

    @property
    def evaluate_state(self) -> Any:
        def evaluate(state: Any, env: Any) -> None:
            output = self._output_of(state, env)
            env.stack.append(output)
            if not state._is_language_query_jsonpath():
                env.states.set_result(output)
            for part in (state.assign_decl, state.result_selector):
                if part:
                    part.eval(env=env)
            if state.result_path:
                state.result_path.eval(env)
            else:
                env.states.reset(input_value=env.stack.pop())

        return evaluate

    def _output_of(self, state: Any, env: Any) -> Any:
        """The result of the state's work."""
        state.timeout.eval(env=env)
        limit = env.stack.pop()
        _renew_token(env)
        frame = env.open_frame()
        frame.states.reset(input_value=env.states.get_input())
        frame.stack = copy.deepcopy(env.stack)
        try:
            if isinstance(state, StateTask):
                self._do_apart(state, env, frame, None if state.timeout.is_default_value() else limit)
            else:
                state._eval_execution(frame)
        finally:
            frame.set_ended()
            env.close_frame(frame)
        return frame.stack[-1]

    def _do_apart(self, state: Any, env: Any, frame: Any, limit: float | None) -> None:
        """Do the state's work in a task of its own, so that it can be left behind while it goes on."""
        failures: list[BaseException] = []

        def work() -> None:
            _environment.set(frame)
            invocation.set(STATE_MACHINE)
            try:
                state._eval_execution(frame)
            except (Exception, ExecutionInterrupted) as failure:  # noqa: BLE001 - raised below
                failures.append(failure)

        done = self.clock.spawn(work, f"state {state.name}").finished
        self._wait_for(done, env, limit)
        token = _endpoint(frame)
        if not done.is_set() and token is not None and token.get_outcome() is not None:
            # The answer was accepted before the time was up: it counts.
            self._wait_for(done, env, None)
        if token is not None and token.consumer_error is None:
            token.report(CallbackConsumerTimeout())
        if not env.is_running():
            raise ExecutionInterrupted
        if not done.is_set():
            raise EvalTimeoutError
        if failures:
            raise failures[0]

    def _wait_for(self, done: WakeUp, env: Any, limit: float | None) -> None:
        until = None if limit is None else self.clock.timestamp() + limit
        while env.is_running() and not done.is_set():
            timeout = None if until is None else until - self.clock.timestamp()
            if self.clock.wait(done, env.program_state_event, timeout=timeout) is None:
                return

    # --- waits ---------------------------------------------------------------------------------------------

    def pause(self, env: Any, seconds: float) -> None:
        """Wait, unless the execution ends first."""
        until = self.clock.timestamp() + seconds
        while env.is_running() and self.clock.timestamp() < until:
            self.clock.wait(env.program_state_event, timeout=until - self.clock.timestamp())
        if not env.is_running():
            raise ExecutionInterrupted

    @property
    def wait_interval(self) -> Any:
        def wait_interval(_: Any, env: Any, wait_seconds: float) -> None:
            self.pause(env, wait_seconds)

        return wait_interval

    @property
    def wait_for_token(self) -> Any:
        def wait(_: Any, env: Any, timeout_seconds: float, callback_endpoint: Any, heartbeat_endpoint: Any) -> Any:  # noqa: ARG001
            signals = [callback_endpoint._notify_event, env.program_state_event]
            longest = None
            if heartbeat_endpoint is not None:
                signals.append(heartbeat_endpoint._next_heartbeat_event)
                longest = heartbeat_endpoint._heartbeat_seconds
            while True:
                woken_by = self.clock.wait(*signals, timeout=longest)
                outcome = callback_endpoint.get_outcome()
                if outcome is not None:
                    return outcome
                if not env.is_running():
                    raise ExecutionInterrupted
                if woken_by is None:
                    return HeartbeatTimedOut()
                woken_by.clear()

        return wait

    # --- what moto's objects wait with ---------------------------------------------------------------------

    def with_signal(self, init: Any, attribute: str) -> Any:
        """The constructor `init`, whose event `attribute` is one on the clock."""

        def construct(instance: Any, *args: Any, **kwargs: Any) -> None:
            init(instance, *args, **kwargs)
            getattr(instance, attribute)  # moto still has it
            setattr(instance, attribute, WakeUp(self.clock))

        return construct


def _endpoint(env: Any) -> Any:
    """Where the answer to the task token of the state is waited for; None for a state without one."""
    token = env.states.context_object.context_object_data.get("Task")
    return None if token is None else env.callback_pool_manager.get(token["Token"])


def _renew_token(env: Any) -> None:
    """Each attempt of a task has a token of its own; moto keeps that of the first."""
    endpoint = _endpoint(env)
    if endpoint is not None and (endpoint.consumer_error is not None or endpoint.get_outcome() is not None):
        env.callback_pool_manager.add(env.states.context_object.update_task_token())


class _Pauses:
    """Stands for the module `time` where moto pauses an execution: before a retry, and in a `.sync` task."""

    def __init__(self, interpreter: _Interpreter) -> None:
        self._interpreter = interpreter

    def sleep(self, seconds: float) -> None:
        self._interpreter.pause(_environment.get(), seconds)


class _Branches:
    """Stands for the module `threading` in Parallel and Map: a branch is a task, and its parent waits on the clock."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock

    def Lock(self) -> Any:  # noqa: N802 - as the module it stands for calls it
        return ExitStack()

    def Event(self) -> WakeUp:  # noqa: N802
        return WakeUp(self._clock)

    def Thread(self, target: Any, daemon: bool, name: str = "iteration") -> Any:  # noqa: N802, ARG002
        return _Branch(self._clock, target, name)


class _Branch:
    native_id = 0

    def __init__(self, clock: SimulatedClock, target: Any, name: str) -> None:
        self._clock, self._target, self._name = clock, target, name

    def start(self) -> None:
        def run() -> None:
            worker = self._target.__self__
            _environment.set(worker.env if hasattr(worker, "env") else worker._env)
            invocation.set(STATE_MACHINE)
            self._target()

        self._clock.spawn(run, self._name)
