"""The rules of others, one a file, each as its documentation has it.

A rule takes the planned minutes of many rollouts and returns for each the minute (from 1) at which it rolls
back, 0 where it never does. None of them waits for a proof: what they do not roll back is promoted on time.
"""

from collections.abc import Callable, Mapping

from benchmarks.judge.peers import argo, cloudwatch, flagger, kayenta, msprt, pocock, ztest
from benchmarks.judge.traffic import Ints, Rollouts

Rule = Callable[[Rollouts], Ints]

PEERS: Mapping[str, Rule] = {
    "Kayenta's rank test, once per step": kayenta.once_per_step,
    "Kayenta's rank test, each minute": kayenta.each_minute,
    "Flagger's threshold count": flagger.rolls_back,
    "Argo's failureLimit": argo.rolls_back,
    "CloudWatch alarm, 3 of 3 minutes": cloudwatch.rolls_back,
    "z-test, each minute": ztest.rolls_back,
    "Group-sequential (Pocock)": pocock.rolls_back,
    "mSPRT": msprt.rolls_back,
}
